"""Two CSVs of answers, of the original and of an artefact, paired by the names of their cases.

| column | holds |
|---|---|
| `case` | the name by which rows are paired, once in each file |
| `score` | binary: the probability of class 1; regression: the value |
| `p.NAME` | the probability of class or label NAME |
| `target` | binary: 0 or 1; with classes: a NAME, or its number from 0; regression: the value |
| `target.NAME` | with labels: 0 or 1 for label NAME |
| `group` | the patient or duplicate group |
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge import Pairs, group_numbers
from edgemed.readers.group import GROUP_NAMES, group_name, group_of
from edgemed.readers.table import Row, header_of, read_rows
from edgemed.types import Kind, OutputSpec, did_you_mean

OUTPUT = "answers"
"""The name of the one output."""
_NAMED = 3
_SUM_TOLERANCE = 1e-3
_CASE, _SCORE, _PROBABILITY, _TARGET = "case", "score", "p.", "target"


@dataclass(frozen=True)
class Answers:
    """What the columns mean, the cases in the order of the original's file, and what is worth telling."""

    output: OutputSpec
    pairs: Pairs
    notes: tuple[str, ...]


def read_answers(
    original: Path, artefact: Path, *, kind: Kind | None, threshold: float, by: Sequence[str] = ()
) -> Answers:
    """Read and pair two CSVs of answers.

    Targets and the columns `by`, whose values are subgroups, come from `original`, groups from either; where
    `artefact` has targets or both have groups they must be the same. `kind` None: found from the columns.
    Raises `BadInput` that names the case for one that is there twice or in one file only, for another target,
    and for what is no finite number or no probability.
    """
    first, second = _Table.read(original), _Table.read(artefact)
    output = _output(first, kind, threshold)
    columns = _score_columns(output)
    _check_strata(by, first, {_CASE, *columns, *_target_columns(output)})
    if set(_score_columns(_output(second, output.kind, threshold))) != set(columns):
        raise BadInput(
            f"the scores are in other columns than those of {original}: {', '.join(columns)}",
            where=str(artefact),
        )
    names = _paired(first, second)
    targets = _targets(first, output, names)
    if targets is None:
        raise BadInput(
            "no targets: without them nothing can be judged",
            where=str(original),
            remedy=f"add the column{'s' if output.kind == 'multilabel' else ''} "
            + ", ".join(_target_columns(output)),
        )
    again = _targets(second, output, names)
    if again is not None:
        _same(names, targets, again, _TARGET, second)
    groups, told = _groups(first, names), _groups(second, names)
    if groups is not None and told is not None:
        _same(names, np.array(groups), np.array(told), "group", second)
    groups = told if groups is None else groups
    pairs = Pairs(
        names,
        {OUTPUT: _scores(first, output, names)},
        {OUTPUT: _scores(second, output, names)},
        {OUTPUT: targets},
        None if groups is None else group_numbers(groups),
        {name: [first.rows[case][name] for case in names] for name in by},
    )
    used = {_CASE, *columns, *_target_columns(output), *by}
    unused = [name for name in first.header if name not in used and name.casefold() not in GROUP_NAMES]
    notes = [f"columns of {original} that are not used: {', '.join(unused)}"] if unused else []
    if groups is not None and "" in groups:
        notes.append(f"{groups.count('')} cases have no group: each stands for itself")
    if tuple(second.rows) != names:
        notes.append(f"the rows of {artefact} are in another order: paired by the names of the cases")
    return Answers(output, pairs, tuple(notes))


@dataclass(frozen=True)
class _Table:
    path: Path
    header: tuple[str, ...]
    rows: dict[str, Row]
    """By the name of the case."""

    @classmethod
    def read(cls, path: Path) -> _Table:
        if path.is_dir() or not path.exists():
            raise BadInput(
                "a folder, where a CSV of answers is read" if path.is_dir() else "no such file",
                where=str(path),
                remedy="edgemed judge OUT, or edgemed judge ORIGINAL.csv ARTEFACT.csv",
            )
        table = cls(path, tuple(header_of(path, str(path))), {})
        table.column(_CASE)
        for number, row in enumerate(read_rows(path, str(path)), 1):
            name = row[_CASE]
            if not name:
                raise BadInput("a case without a name", where=f"row {number} in {path}")
            if name in table.rows:
                raise BadInput(f"case {name!r} is there twice", where=f"row {number} in {path}")
            table.rows[name] = row
        if not table.rows:
            raise BadInput("no cases", where=str(path), remedy="one row for each case, below the header")
        return table

    def column(self, name: str) -> str:
        if name not in self.header:
            remedy = did_you_mean(name, self.header)
            raise BadInput(f"no column {name!r}", where=str(self.path), remedy=remedy)
        return name

    def number(self, case: str, column: str) -> float:
        cell = self.rows[case][column]
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
            told = f"{cell!r}, not a number"
        else:
            told = cell
        if not math.isfinite(value):
            remedy = "write decimals with a point" if "," in cell else ""
            raise BadInput(f"{column} of case {case!r} is {told}", where=str(self.path), remedy=remedy)
        return value


def _output(table: _Table, kind: Kind | None, threshold: float) -> OutputSpec:
    named = tuple(name.removeprefix(_PROBABILITY) for name in table.header if name.startswith(_PROBABILITY))
    if (_SCORE in table.header) == bool(named):
        raise BadInput(
            f"both {_SCORE!r} and {_PROBABILITY}NAME columns" if named else "no column of scores",
            where=str(table.path),
            remedy=f"one column {_SCORE}, or a column {_PROBABILITY}NAME for each class or label",
        )
    possible: tuple[Kind, ...] = ("binary", "regression")
    if named:
        labels = any(name.startswith(f"{_TARGET}.") for name in table.header)
        possible = ("multilabel", "multiclass") if labels else ("multiclass", "multilabel")
    kind = kind or possible[0]
    if kind not in possible:
        raise BadInput(
            f"--kind {kind} does not fit the columns of scores",
            where=str(table.path),
            remedy=f"{_PROBABILITY}NAME columns hold {' or '.join(possible)}"
            if named
            else f"one column {_SCORE!r} holds {' or '.join(possible)}",
        )
    if kind == "multiclass" and len(named) < 2:
        raise BadInput("one class only", where=str(table.path), remedy=f"one column {_SCORE} for a binary")
    return OutputSpec(OUTPUT, kind, max(1, len(named)), named, 0.5 if kind == "regression" else threshold)


def _score_columns(output: OutputSpec) -> tuple[str, ...]:
    return tuple(f"{_PROBABILITY}{label}" for label in output.labels) or (_SCORE,)


def _target_columns(output: OutputSpec) -> tuple[str, ...]:
    if output.kind == "multilabel":
        return tuple(f"{_TARGET}.{label}" for label in output.labels)
    return (_TARGET,)


def _paired(first: _Table, second: _Table) -> tuple[str, ...]:
    for one, other in ((first, second), (second, first)):
        missing = [name for name in one.rows if name not in other.rows]
        if missing:
            listed = ", ".join(map(repr, missing[:_NAMED])) + (", ..." if len(missing) > _NAMED else "")
            raise BadInput(
                f"{len(missing)} of {len(one.rows)} cases of {one.path} are missing: {listed}",
                where=str(other.path),
                remedy="both must answer the same cases, under the same names",
            )
    return tuple(first.rows)


def _scores(table: _Table, output: OutputSpec, names: Sequence[str]) -> NDArray[np.float64]:
    columns = _score_columns(output)
    scores = np.array([[table.number(case, column) for column in columns] for case in names])
    if output.kind == "regression":
        return scores
    for row, column in np.argwhere((scores < 0) | (scores > 1)):
        raise BadInput(
            f"{columns[column]} of case {names[row]!r} is {scores[row, column]:g}, no probability",
            where=str(table.path),
            remedy="give probabilities, not logits; for values add --kind regression",
        )
    sums = scores.sum(axis=1)
    if output.kind == "multiclass" and np.abs(sums - 1).max() > _SUM_TOLERANCE:
        row = int(np.abs(sums - 1).argmax())
        raise BadInput(
            f"the probabilities of case {names[row]!r} add up to {sums[row]:.4g}, not to 1",
            where=str(table.path),
            remedy=f"for labels that exclude nothing, columns {_TARGET}.NAME or --kind multilabel",
        )
    return scores


def _targets(table: _Table, output: OutputSpec, names: Sequence[str]) -> NDArray[np.generic] | None:
    columns = _target_columns(output)
    if not any(column in table.header for column in columns):
        return None
    for column in columns:
        table.column(column)
    if output.kind == "multiclass":
        return np.array([_class(table, output, case) for case in names], dtype=np.int64)
    values = np.array([[table.number(case, column) for column in columns] for case in names])
    if output.kind == "regression":
        return values
    for row, column in np.argwhere((values != 0) & (values != 1)):
        raise BadInput(
            f"{columns[column]} of case {names[row]!r} is {values[row, column]:g}, not 0 or 1",
            where=str(table.path),
            remedy="" if output.kind == "multilabel" else "for values add --kind regression",
        )
    whole = values.astype(np.int64)
    return whole if output.kind == "multilabel" else whole[:, 0]


def _class(table: _Table, output: OutputSpec, case: str) -> int:
    cell = table.rows[case][_TARGET]
    if cell in output.labels:
        return output.labels.index(cell)
    number = group_of(cell) or ""
    if number.isdecimal() and int(number) < output.columns:
        return int(number)
    raise BadInput(
        f"{_TARGET} of case {case!r} is {cell!r}, no class",
        where=str(table.path),
        remedy=f"classes: {', '.join(output.labels)}, or 0 to {output.columns - 1}",
    )


def _groups(table: _Table, names: Sequence[str]) -> list[str] | None:
    remedy = "keep the column that tells which cases are of one patient, and rename the other"
    column = group_name(table.header, str(table.path), remedy=remedy, any_case=True)
    return None if column is None else [group_of(table.rows[case][column]) or "" for case in names]


def _check_strata(by: Sequence[str], table: _Table, taken: Collection[str]) -> None:
    """Raises `BadInput` for columns that are not there, are there twice or hold something else."""
    for name in by:
        table.column(name)
        if name in taken or by.count(name) > 1:
            raise BadInput(
                f"column {name!r} {'names no subgroups' if name in taken else 'is given twice'}",
                where="--by",
                remedy="give columns such as site or sex, each once: --by site+sex",
            )


def _same(
    names: Sequence[str],
    first: NDArray[np.generic],
    second: NDArray[np.generic],
    what: str,
    table: _Table,
) -> None:
    other = np.argwhere((first != second).reshape(len(names), -1).any(axis=1)).ravel()
    if other.size:
        case = int(other[0])
        raise BadInput(
            f"another {what} for case {names[case]!r}: {_shown(second[case])}, and {_shown(first[case])} in "
            "the original's file",
            where=str(table.path),
            remedy=f"{other.size} of {len(names)} differ: are these the same cases?",
        )


def _shown(value: object) -> str:
    return str(np.asarray(value).tolist())
