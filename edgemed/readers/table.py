"""CSV: a row per case, with paths of files, numbers, labels and groups."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.cast import cast
from edgemed.readers.decode import decode
from edgemed.readers.fit import is_picture
from edgemed.readers.group import GROUP_NAMES, group_name, group_of
from edgemed.readers.npz import label_keys, require_all
from edgemed.readers.reference import Reference
from edgemed.readers.stream import Case, StreamedSet
from edgemed.readers.targets import target_of
from edgemed.types import InputSpec, OutputSpec, Sample, did_you_mean

Row = dict[str, str]

_SEPARATORS = ",;\t"
_FORM = "save it as UTF-8, with commas, semicolons or tabs between the columns"
_POINT = "write decimals with a point"


@dataclass(frozen=True)
class _Column:
    """The columns of one input: one with paths, or one number each."""

    spec: InputSpec
    names: tuple[str, ...]
    files: bool


class CsvSet(StreamedSet):
    """The rows of a CSV: UTF-8, a header, commas, semicolons or tabs between, decimals with a point. Paths
    are relative to the CSV.

    An input with a picture layout takes a column of paths; any other takes the number columns `NAME.0`,
    `NAME.1`, ... or `NAME=A+B` of the reference, or one column of paths to `.npy` files. Every row is checked
    when the set is opened: its fields, its labels and, without `skip_bad`, that its files exist.
    """

    def __init__(
        self,
        path: Path,
        reference: Reference,
        inputs: Sequence[InputSpec],
        outputs: Sequence[OutputSpec],
        *,
        skip_bad: bool,
        source: str,
    ) -> None:
        reference.allow(
            [*(spec.name for spec in inputs), "path", "group", "by", *label_keys(reference, outputs, "label")]
        )
        self._path = path
        header = header_of(path, source)
        columns = _Columns(header, reference.keys, source)
        self._inputs = columns.inputs(inputs)
        self._outputs = columns.outputs(outputs)
        self._group = columns.group()
        self._strata = columns.strata()
        self._group_doubts = columns.doubts()
        columns.require(label_keys(reference, outputs, "label"))
        self._span = reference.span(sum(1 for _ in read_rows(path, source)))
        super().__init__(source, length=len(self._span), labelled=bool(self._outputs), skip_bad=skip_bad)
        names: Counter[str] = Counter()
        for index, row in self._rows():
            self._check(row, f"row {index + 1} in {source}", skip_bad=skip_bad)
            names[self._name(index, row)] += 1
        self._repeated = {name for name, count in names.items() if count > 1}

    @property
    def doubts(self) -> tuple[str, ...]:
        return (*super().doubts, *self._group_doubts)

    def cases(self) -> Iterator[Case]:
        for name, row in self._named_rows():
            yield name, lambda name=name, row=row: self._sample(name, row)  # type: ignore[misc]

    def targets(self) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        for name, row in self._named_rows():
            yield name, self._targets(row)

    def _named_rows(self) -> Iterator[tuple[str, Row]]:
        for index, row in self._rows():
            name = self._name(index, row)
            yield (f"{name} (row {index + 1})" if name in self._repeated else name), row

    def _name(self, index: int, row: Row) -> str:
        files = (row[column.names[0]] for column in self._inputs if column.files)
        return next(files, f"{self._path.name}[{index}]")

    def _rows(self) -> Iterator[tuple[int, Row]]:
        rows = enumerate(read_rows(self._path, self._source))
        return itertools.islice(rows, self._span.start, self._span.stop)

    def _check(self, row: Row, where: str, *, skip_bad: bool) -> None:
        try:
            self._targets(row)
        except BadInput as error:
            cells = (row[name] for _, names in self._outputs for name in names)
            remedy = _POINT if any("," in cell for cell in cells) else ""
            raise BadInput(error.problem, where=where, remedy=error.remedy or remedy) from error
        for column in self._inputs:
            name = row[column.names[0]]
            if column.files and not skip_bad and not (self._path.parent / name).is_file():
                raise BadInput(
                    f"no such file: {name!r}",
                    where=where,
                    remedy="paths are relative to the CSV; edgemed compile --skip-bad leaves such rows out",
                )

    def _targets(self, row: Row) -> dict[str, NDArray[Any]]:
        targets = {}
        for output, names in self._outputs:
            cells = [row[name] for name in names]
            targets[output.name] = target_of(cells[0] if len(cells) == 1 else np.array(cells), output)
        return targets

    def _sample(self, name: str, row: Row) -> Sample:
        arrays = {}
        for column in self._inputs:
            if column.files:
                file = self._path.parent / row[column.names[0]]
                arrays[column.spec.name] = decode(file, column.spec, self.told)
            else:
                arrays[column.spec.name] = _numbers(row, column)
        return Sample(
            name,
            arrays,
            self._targets(row),
            group_of(row[self._group]) if self._group else None,
            {column: group_of(row[column]) or "" for column in self._strata},
        )


class _Columns:
    """Which column means what."""

    def __init__(self, header: Sequence[str], keys: dict[str, str], source: str) -> None:
        self._header = header
        self._keys = keys
        self._source = source

    def inputs(self, specs: Sequence[InputSpec]) -> list[_Column]:
        found = {}
        for spec in specs:
            if spec.name in self._keys:
                found[spec.name] = self._named(self._keys[spec.name])
            elif f"{spec.name}.0" in self._header:
                found[spec.name] = self._named("+".join(f"{spec.name}.{i}" for i in range(spec.samples)))
            elif spec.name in self._header:
                found[spec.name] = (spec.name,)
        left = [spec for spec in specs if spec.name not in found]
        if left and "path" not in (*self._header, *self._keys):
            for spec in left:
                self._default((spec.name,), spec.name)
            self._default(("path",), "path")
        path = self._keys.get("path", "path")
        if len(left) == 1:
            found[left[0].name] = self._named(path)
        elif left or "path" in self._keys:
            raise BadInput(
                f"path= fills one input, and {len(left)} have no column: "
                + ", ".join(repr(spec.name) for spec in left),
                where=self._source,
                remedy=f"add NAME=COLUMN to the reference; columns: {', '.join(self._header)}",
            )
        return [self._column(spec, found[spec.name]) for spec in specs]

    def outputs(self, outputs: Sequence[OutputSpec]) -> list[tuple[OutputSpec, tuple[str, ...]]]:
        found = []
        alone = len(outputs) == 1
        for output in outputs:
            asked = self._keys.get(f"y.{output.name}") or (self._keys.get("label") if alone else None)
            defaults = (output.name, *(("label",) if alone else ()))
            names = asked or self._default(defaults, "label" if alone else f"y.{output.name}")
            if names:
                found.append((output, self._named(names)))
        require_all(found, outputs, self._source)
        return found

    def require(self, keys: Sequence[str]) -> None:
        """Raises `BadInput` where the reference gives a column for one of `keys` that is not there."""
        for key in keys:
            if key in self._keys:
                self._named(self._keys[key])

    def group(self) -> str | None:
        asked = self._keys.get("group")
        if not asked:
            return group_name(self._header, self._source)
        names = self._named(asked)
        if len(names) > 1:
            raise BadInput(
                f"a group is one column, not {len(names)}",
                where=self._source,
                remedy="write one column that tells all patients apart, such as site and patient joined",
            )
        return names[0]

    def strata(self) -> tuple[str, ...]:
        return self._named(self._keys["by"]) if "by" in self._keys else ()

    def doubts(self) -> tuple[str, ...]:
        """About a column that has a group's name but for letter case, and is not taken for one."""
        if self.group() is not None:
            return ()
        near = (name for name in self._header if name.casefold() in GROUP_NAMES)
        return tuple(
            f"column {name!r} is not read as the group (patient) of a case: where it is, add group={name} to "
            "the reference"
            for name in near
        )

    def _default(self, names: Sequence[str], key: str) -> str | None:
        """The first of `names` that is there. Raises `BadInput` where one is there in other letter case."""
        for name in names:
            if name in self._header:
                return name
        for name, column in itertools.product(names, self._header):
            if name.casefold() == column.casefold():
                raise BadInput(
                    f"no column {name!r}, and letter case counts",
                    where=self._source,
                    remedy=f"did you mean {column!r}? rename it, or add {key}={column} to the reference",
                )
        return None

    def _column(self, spec: InputSpec, names: tuple[str, ...]) -> _Column:
        files = is_picture(spec) or (len(names) == 1 and spec.samples > 1)
        wanted = 1 if files else spec.samples
        if len(names) != wanted:
            raise BadInput(
                f"{len(names)} columns for the input {spec.name!r} of shape {list(spec.shape)}, which takes "
                + ("one column of paths" if is_picture(spec) else f"{wanted} numbers"),
                where=self._source,
            )
        return _Column(spec, names, files)

    def _named(self, names: str) -> tuple[str, ...]:
        parts = tuple(names.split("+")) if names not in self._header else (names,)
        for name in parts:
            if name not in self._header:
                raise BadInput(
                    f"no column {name!r}", where=self._source, remedy=did_you_mean(name, self._header)
                )
        return parts


def header_of(path: Path, source: str) -> list[str]:
    """The column names. Raises `BadInput` where there are none or one is there twice."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = [name.strip() for name in next(_reader(file), [])]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"the CSV cannot be read: {error}", where=source, remedy=_FORM) from error
    if not header:
        raise BadInput("the CSV is empty", where=source, remedy="its first line names the columns")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise BadInput(f"column {min(twice)!r} is there twice", where=source)
    return header


def read_rows(path: Path, source: str) -> Iterator[Row]:
    """The rows, one at a time, empty lines left out. Raises `BadInput` naming the line that is torn."""
    header = header_of(path, source)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = _reader(file)
        next(reader)
        try:
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise BadInput(
                        f"{len(cells)} fields for {len(header)} columns",
                        where=f"line {reader.line_num} in {source}",
                    )
                yield dict(zip(header, (cell.strip() for cell in cells), strict=True))
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise BadInput(
                f"the CSV cannot be read: {error}",
                where=f"line {reader.line_num + 1} in {source}",
                remedy=_FORM,
            ) from error


def _reader(file: IO[str]) -> Any:
    """A `csv.reader` with what separates most columns of the header, quoted names aside."""
    header = re.sub(r'"[^"]*"', "", file.readline())
    file.seek(0)
    return csv.reader(file, delimiter=max(_SEPARATORS, key=header.count))


def _numbers(row: Row, column: _Column) -> NDArray[Any]:
    values = []
    for name in column.names:
        try:
            values.append(float(row[name]))
        except ValueError:
            raise BadInput(
                f"column {name!r} holds {row[name]!r}, not a number",
                remedy=_POINT if "," in row[name] else "",
            ) from None
    array = np.array(values)
    if np.dtype(column.spec.dtype).kind in "iu" and np.equal(np.mod(array, 1), 0).all():
        array = array.astype(np.int64)
    return cast(array, column.spec.dtype).reshape(column.spec.shape)
