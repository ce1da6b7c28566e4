"""`.npz`: one array per input and per output, a sample a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.fit import fit
from edgemed.readers.group import group_name, group_of
from edgemed.readers.notes import Notes
from edgemed.readers.npy_entry import NpyEntry, names_in
from edgemed.readers.raw_npz import acquisition_in
from edgemed.readers.reference import Reference
from edgemed.readers.stream import Case, StreamedSet
from edgemed.readers.targets import target_of
from edgemed.types import InputSpec, OutputSpec, Sample, did_you_mean

INPUT_NAMES = ("x", "images", "signal")
LABEL_NAMES = ("y", "labels")


class NpzSet(StreamedSet):
    """The rows of the arrays in an archive, compressed or not; no array is held whole."""

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
        archive = _Archive(path, reference, source)
        reference.allow(
            [*(spec.name for spec in inputs), "group", "by", *label_keys(reference, outputs, "y")]
            + (["x"] if len(inputs) == 1 else [])
        )
        self._inputs = [(spec, archive.input_entry(spec, alone=len(inputs) == 1)) for spec in inputs]
        for spec in inputs:
            if spec.acquisition is not None:
                _located(source, spec.acquisition.check, acquisition_in(path))
        self._outputs = archive.output_entries(outputs)
        self._group = archive.group_entry()
        self._strata = archive.strata_entries()
        entries = [entry for _, entry in (*self._inputs, *self._outputs)]
        entries += archive.named(label_keys(reference, outputs, "y"))
        entries += self._belonging
        if len({len(entry) for entry in entries}) > 1:
            lengths = ", ".join(dict.fromkeys(f"{entry.name} {len(entry)}" for entry in entries))
            raise BadInput(f"the arrays differ in length: {lengths}", where=source)
        self._span = reference.span(len(entries[0]))
        super().__init__(source, length=len(self._span), labelled=bool(self._outputs), skip_bad=skip_bad)
        for spec, entry in self._inputs:
            _located(
                f"{entry.name} in {source}", fit, np.zeros(entry.row_shape, entry.dtype), "", spec, Notes()
            )
        for output, entry in self._outputs:
            for index, row in zip(self._span, entry.rows(self._span), strict=True):
                _located(f"{entry.name}[{index}] in {source}", target_of, row, output)

    def cases(self) -> Iterator[Case]:
        entries = [entry for _, entry in (*self._inputs, *self._outputs)]
        for name, rows in self._rows(entries + self._belonging):
            yield name, lambda name=name, rows=rows: self._sample(name, rows)  # type: ignore[misc]

    @property
    def _belonging(self) -> list[NpyEntry]:
        """The arrays of groups and strata, in the order that `_sample` takes them."""
        return [*([self._group] if self._group else []), *self._strata]

    def targets(self) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
        for name, rows in self._rows([entry for _, entry in self._outputs]):
            yield name, self._targets(rows)

    def _rows(self, entries: Sequence[NpyEntry]) -> Iterator[tuple[str, list[NDArray[Any]]]]:
        """The name and one row of each entry, sample by sample."""
        first = self._inputs[0][1].name
        with ExitStack() as stack:
            streams = [stack.enter_context(closing(entry.rows(self._span))) for entry in entries]
            for index in self._span:
                yield f"{first}[{index}]", [next(stream) for stream in streams]

    def _sample(self, name: str, rows: Sequence[NDArray[Any]]) -> Sample:
        inputs, strata = len(self._inputs), len(rows) - len(self._strata)
        arrays, labels = rows[:inputs], rows[inputs:strata]
        return Sample(
            name,
            {
                spec.name: fit(row, "", spec, self.told)
                for (spec, _), row in zip(self._inputs, arrays, strict=True)
            },
            self._targets(labels),
            group_of(rows[strata - 1]) if self._group else None,
            {entry.name: group_of(row) or "" for entry, row in zip(self._strata, rows[strata:], strict=True)},
        )

    def _targets(self, labels: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {
            output.name: target_of(row, output)
            for (output, _), row in zip(self._outputs, labels, strict=False)
        }


class _Archive:
    """Which array means what."""

    def __init__(self, path: Path, reference: Reference, source: str) -> None:
        self._path = path
        self._keys = reference.keys
        self._source = source
        self._names = names_in(path)
        if not self._names:
            raise BadInput("the archive holds no array", where=source)

    def input_entry(self, spec: InputSpec, *, alone: bool) -> NpyEntry:
        asked = self._keys.get(spec.name) or (self._keys.get("x") if alone else None)
        if asked:
            return self._entry(asked)
        for name in (spec.name, *(INPUT_NAMES if alone else ())):
            if name in self._names:
                return self._entry(name)
        if alone and len(self._names) == 1:
            return self._entry(self._names[0])
        raise BadInput(
            f"no array is named for the input {spec.name!r}",
            where=self._source,
            remedy=f"add ::{'x' if alone else spec.name}=ARRAY; {self._listing()}",
        )

    def output_entries(self, outputs: Sequence[OutputSpec]) -> list[tuple[OutputSpec, NpyEntry]]:
        alone = len(outputs) == 1
        found = []
        for output in outputs:
            asked = self._keys.get(f"y.{output.name}") or (self._keys.get("y") if alone else None)
            defaults = (output.name, *(LABEL_NAMES if alone else ()))
            name = asked or next((name for name in defaults if name in self._names), None)
            if name:
                found.append((output, self._entry(name)))
        require_all(found, outputs, self._source)
        return found

    def named(self, keys: Sequence[str]) -> list[NpyEntry]:
        """The arrays that the reference gives for `keys`."""
        return [self._entry(self._keys[key]) for key in keys if key in self._keys]

    def group_entry(self) -> NpyEntry | None:
        asked = self._keys.get("group")
        name = asked or group_name(tuple(self._names), self._source)
        if name is None:
            return None
        return self._single(
            name, "a group", "store one value that tells all patients apart, such as site and patient joined"
        )

    def strata_entries(self) -> list[NpyEntry]:
        asked = self._keys.get("by")
        if not asked:
            return []
        names = [asked] if asked in self._names else asked.split("+")
        return [self._single(name, "a subgroup", "store an array for each, as by=A+B") for name in names]

    def _single(self, name: str, what: str, remedy: str) -> NpyEntry:
        """An array of one value a sample."""
        entry = self._entry(name)
        if math.prod(entry.row_shape) != 1:
            raise BadInput(
                f"{what} is one value a sample; array {name!r} has rows of shape {list(entry.row_shape)}",
                where=self._source,
                remedy=remedy,
            )
        return entry

    def _entry(self, name: str) -> NpyEntry:
        if name not in self._names:
            raise BadInput(
                f"no array {name!r}",
                where=self._source,
                remedy=f"{did_you_mean(name, self._names)}; {self._listing()}",
            )
        entry = NpyEntry(self._path, name)
        if not entry.shape:
            raise BadInput(f"array {name!r} is a single value, not one row per sample", where=self._source)
        return entry

    def _listing(self) -> str:
        return f"arrays: {', '.join(self._names)}"


def label_keys(reference: Reference, outputs: Sequence[OutputSpec], single: str) -> list[str]:
    """The label keys a reference may hold: any where no labels are asked for, as in calibration."""
    if not outputs:
        return [single, *(key for key in reference.keys if key.startswith("y."))]
    return [f"y.{output.name}" for output in outputs] + ([single] if len(outputs) == 1 else [])


def require_all(
    found: Sequence[tuple[OutputSpec, object]], outputs: Sequence[OutputSpec], source: str
) -> None:
    """Labels for all outputs or for none; raises `BadInput` otherwise."""
    have = {output.name for output, _ in found}
    for output in outputs:
        if have and output.name not in have:
            raise BadInput(
                f"the set has labels for {', '.join(sorted(have))} but not for output {output.name!r}",
                where=source,
                remedy=f"add y.{output.name}=NAME to the reference",
            )


def _located(where: str, call: Callable[..., object], *args: object) -> None:
    try:
        call(*args)
    except BadInput as error:
        raise BadInput(error.problem, where=where, remedy=error.remedy) from error
