"""Tables on the terminal, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2
_LEAST_TEXT = 16
"""Width that a text may be wrapped to."""


def print_table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], align: str | None = None
) -> None:
    """`align` has `l` or `r` for each column: texts, which are wrapped, and figures, which never are.

    Without it the first column is a text, the others are figures. Columns for which there is no room come in
    a further table, behind the first column again.
    """
    from rich.console import Console
    from rich.table import Table

    console = Console()
    align = align or "l" + "r" * (len(head) - 1)
    if title:
        console.print(title, style="bold", highlight=False, markup=False, soft_wrap=True)
    for columns in _parts(head, rows, align, console.width):
        table = Table(show_header=any(head), box=None, padding=(0, GAP, 0, 0), pad_edge=False)
        for index in columns:
            text = align[index] == "l"
            table.add_column(
                head[index], justify="left" if text else "right", overflow="fold", no_wrap=not text,
                vertical="bottom" if "\n" in "".join(head) else "top",
            )  # fmt: skip
        for row in rows:
            table.add_row(*(row[index] for index in columns))
        console.print(table, highlight=False, markup=False)


def widths_of(rows: Sequence[Sequence[str]]) -> list[int]:
    """Width of each column: that of its widest line."""
    from rich.cells import cell_len

    return [max(map(cell_len, "\n".join(cells).split("\n"))) for cells in zip(*rows, strict=True)]


def _parts(head: Sequence[str], rows: Sequence[Sequence[str]], align: str, width: int) -> list[list[int]]:
    """Numbers of the columns of each table."""
    wide = widths_of([head, *rows])
    needed = [min(own, _LEAST_TEXT) if kind == "l" else own for own, kind in zip(wide, align, strict=True)]
    parts = [[0]]
    for index in range(1, len(head)):
        if len(parts[-1]) > 1 and sum(needed[each] + GAP for each in parts[-1]) + needed[index] > width:
            parts.append([0])
        parts[-1].append(index)
    return parts


def plain(text: str) -> str:
    """What the report writes, in characters that every terminal has."""
    from edgemed.report.numerals import MINUS, NO_BREAK, NONE, THIN

    return text.translate(str.maketrans(MINUS + NONE + NO_BREAK + THIN + "²", "--  2"))
