"""Reference: how a user names a data set, `PATH` or `PATH::key=value,key=value`.

| key | reader | meaning |
|---|---|---|
| `x=ARRAY` | npz | array of the only input |
| `NAME=ARRAY`, `NAME=COLUMN`, `NAME=A+B` | npz, CSV | array, path column or number columns of input NAME |
| `y=ARRAY` | npz | labels of the only output |
| `y.NAME=ARRAY`, `y.NAME=COLUMN`, `y.NAME=A+B` | npz, CSV | labels of output NAME |
| `path=COLUMN`, `label=COLUMN` | CSV | files of the only file input, labels of the only output |
| `group=ARRAY`, `group=COLUMN` | npz, CSV | patient or duplicate group |
| `by=A+B` | npz, CSV | arrays or columns of subgroups, such as site and sex |
| `rows=a:b` | all | samples a to b - 1; either end may be left out |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from edgemed.errors import BadInput
from edgemed.types import did_you_mean


@dataclass(frozen=True)
class Reference:
    """A parsed reference: `path` as written, `keys` without `rows`, and the half-open range of rows."""

    path: str
    keys: dict[str, str] = field(default_factory=dict)
    start: int = 0
    stop: int | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Raises `BadInput` where `text` is not `PATH` or `PATH::key=value,...`."""
        if "::" not in text:
            path, tail = text, None
        else:
            path, _, tail = text.rpartition("::")
        if not path:
            raise BadInput("the data reference names no path", where=text, remedy=_FORM)
        keys: dict[str, str] = {}
        for item in [] if tail is None else tail.split(","):
            key, equals, value = item.partition("=")
            if not (key and equals and value):
                raise BadInput(f"{item!r} is not key=value", where=text, remedy=_FORM)
            if key in keys:
                raise BadInput(f"key {key!r} is given twice", where=text)
            keys[key] = value
        start, stop = _rows(keys.pop("rows", ":"), text)
        return cls(path, keys, start, stop)

    def __str__(self) -> str:
        items = [f"{key}={value}" for key, value in self.keys.items()]
        if self.start or self.stop is not None:
            items.append(f"rows={self.start}:{'' if self.stop is None else self.stop}")
        return f"{self.path}::{','.join(items)}" if items else self.path

    def resolve(self, base: Path) -> Path:
        """The path, relative to `base`; raises `BadInput` where nothing is there."""
        path = base / self.path
        if not path.exists():
            raise BadInput(f"no such file or folder: {self.path}", where=str(self), remedy=_near(path))
        return path

    def allow(self, known: Iterable[str]) -> None:
        """Raises `BadInput` for a key that is not in `known`."""
        known = (*known, "rows")
        for key in self.keys:
            if key not in known:
                raise BadInput(f"unknown key {key!r}", where=str(self), remedy=did_you_mean(key, known))

    def span(self, length: int) -> range:
        """The rows meant, of a set of `length` samples; raises `BadInput` where none is left."""
        stop = length if self.stop is None else self.stop
        if length == 0:
            raise BadInput("the set is empty", where=str(self))
        if stop > length or self.start >= stop:
            raise BadInput(
                f"rows {self.start}:{stop} do not fit a set of {length} samples",
                where=str(self),
                remedy=f"give rows=a:b with 0 <= a < b <= {length}",
            )
        return range(self.start, stop)


_FORM = "write PATH or PATH::key=value,key=value, for instance set.npz::x=val_images,y=val_labels"


def _rows(text: str, where: str) -> tuple[int, int | None]:
    match = re.fullmatch(r"([0-9]*):([0-9]*)", text)
    if not match:
        raise BadInput(f"rows={text} is not a range", where=where, remedy="write rows=a:b, half open")
    return int(match[1] or 0), int(match[2]) if match[2] else None


def _near(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent.name!r} either; paths are relative to the recipe's folder"
    names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    return did_you_mean(path.name, names[:20] if len(names) > 1000 else names)
