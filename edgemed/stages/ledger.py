"""The ledger of an output folder: each time its acceptance set was opened, and what for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from edgemed.disk import disk_failure, flush_one, write_whole
from edgemed.errors import BadInput
from edgemed.types import Opening, Record

LEDGER_FILE = "acceptance-ledger.json"
_REPORT = "report.json"


class Ledger(Record):
    """`acceptance-ledger.json`: lines are only added; one learns its outcomes when they are known."""

    openings: tuple[Opening, ...] = ()
    format_version: int = 1

    def __post_init__(self) -> None:
        if [each.number for each in self.openings] != list(range(1, len(self.openings) + 1)):
            raise BadInput("the openings are not numbered 1, 2, 3 and so on", where="openings")


def read_ledger(out: Path) -> Ledger:
    """Raises `BadInput` where the file is there and cannot be read, or lacks what the last report tells of:
    what was opened is then not known."""
    path = out / LEDGER_FILE
    try:
        ledger = Ledger.from_json(path.read_text(encoding="utf-8"), where=LEDGER_FILE)
    except FileNotFoundError:
        ledger = Ledger()
    except BadInput as error:
        raise _unknown(path, f"cannot be read: {error.where}: {error.problem}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unknown(path, f"cannot be read: {error}") from error
    if (reported := _reported(out)) > len(ledger.openings):
        raise _unknown(path, f"has {len(ledger.openings)} openings, and {_REPORT} tells of {reported}")
    return ledger


def _unknown(path: Path, told: str) -> BadInput:
    return BadInput(
        f"the ledger of the acceptance set {told}",
        where=str(path),
        remedy="put it back from a copy, or give another --out and say so where the verdict is used",
    )


def _reported(out: Path) -> int:
    """How many openings the report of the last compile lists; a report that cannot be read lists none."""
    try:
        return len(json.loads((out / _REPORT).read_text(encoding="utf-8"))["openings"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def open_acceptance(
    out: Path, *, data: str, command: str, question: str, judged: dict[str, str], asked: str
) -> Opening:
    """Log that the set with the digest `data` is opened, before any answer on it is read.

    `judged` maps ids to digests of artefacts, `question` is the digest of all else that the verdict depends
    on, `asked` the part of it that a reader wants to see. The same question about the same artefacts, or
    about some of them, is not another opening: nothing could be learnt in between. Openings of all sets are
    counted together: another cut, order or name of the same cases has another digest.
    Raises `BadInput` for a ledger that cannot be read, `ToolFailure` for one that cannot be written.
    """
    ledger = read_ledger(out)
    for each in ledger.openings:
        same = (each.data, each.question) == (data, question)
        if same and judged.items() <= each.judged.items():
            return each
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    opening = Opening(len(ledger.openings) + 1, now, data, command, question, judged, {}, asked)
    _write(out, replace(ledger, openings=(*ledger.openings, opening)))
    return opening


def close_acceptance(out: Path, opening: Opening, outcomes: dict[str, str]) -> tuple[Opening, ...]:
    """Add to an opening what was found, and give all openings. Raises what the opening raises."""
    ledger = read_ledger(out)
    openings = tuple(
        replace(each, outcomes={**each.outcomes, **outcomes}) if each == opening else each
        for each in ledger.openings
    )
    if openings != ledger.openings:
        _write(out, replace(ledger, openings=openings))
    return openings


def _write(out: Path, ledger: Ledger) -> None:
    path = out / LEDGER_FILE
    try:
        write_whole(path, ledger.to_json())
        flush_one(out)
    except OSError as error:
        raise disk_failure(error, path) from error
