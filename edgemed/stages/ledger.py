"""The ledger of an output folder: each time its acceptance set was opened, and what for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from edgemed.disk import disk_failure, flush_one, write_whole
from edgemed.errors import BadInput
from edgemed.types import Opening, Record

LEDGER_FILE = "acceptance-ledger.json"


@dataclass(frozen=True)
class Ledger(Record):
    """`acceptance-ledger.json`: lines are only added."""

    openings: tuple[Opening, ...] = ()
    format_version: int = 1


def read_ledger(out: Path) -> Ledger:
    """Raises `BadInput` where the file is there and cannot be read: what was opened is then not known."""
    path = out / LEDGER_FILE
    try:
        return Ledger.from_json(path.read_text(encoding="utf-8"), where=str(path))
    except FileNotFoundError:
        return Ledger()
    except (OSError, UnicodeDecodeError, BadInput) as error:
        raise BadInput(
            f"the ledger of the acceptance set cannot be read: {error}",
            where=str(path),
            remedy="put it back from a copy, or give another --out and say so where the verdict is used",
        ) from None


def open_acceptance(out: Path, *, data: str, command: str, question: str, judged: dict[str, str]) -> Opening:
    """Log that the set with the digest `data` is opened, before any answer on it is read.

    `judged` maps ids to digests of artefacts, `question` is the digest of all else that the verdict depends
    on. The same question about the same artefacts, or about some of them, is not another opening: nothing
    could be learnt in between.
    Raises `BadInput` for a ledger that cannot be read, `ToolFailure` for one that cannot be written.
    """
    ledger = read_ledger(out)
    own = [each for each in ledger.openings if each.data == data]
    for each in own:
        if each.question == question and judged.items() <= each.judged.items():
            return each
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    opening = Opening(len(own) + 1, now, data, command, question, judged, {})
    _write(out, replace(ledger, openings=(*ledger.openings, opening)))
    return opening


def close_acceptance(out: Path, opening: Opening, outcomes: dict[str, str]) -> tuple[Opening, ...]:
    """Add to an opening what was found, and give all openings of its set. Raises what the opening raises."""
    ledger = read_ledger(out)
    openings = tuple(
        replace(each, outcomes={**each.outcomes, **outcomes}) if each == opening else each
        for each in ledger.openings
    )
    if openings != ledger.openings:
        _write(out, replace(ledger, openings=openings))
    return tuple(each for each in openings if each.data == opening.data)


def _write(out: Path, ledger: Ledger) -> None:
    path = out / LEDGER_FILE
    try:
        write_whole(path, ledger.to_json())
        flush_one(out)
    except OSError as error:
        raise disk_failure(error, path) from error
