"""Labels: from what a set stores to the target of one output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.types import OutputSpec, did_you_mean


def classes_of(output: OutputSpec) -> int:
    """Number of classes: a binary head has two, with one column or with two."""
    return 2 if output.kind == "binary" else output.columns


def target_of(value: str | NDArray[Any], output: OutputSpec) -> NDArray[Any]:
    """The target of one sample.

    binary, multiclass: int64 scalar array, the class index, from an index, a name in `output.labels` or a
    one-hot row. multilabel: int64 (columns,) of 0 and 1. regression: float64 (columns,). Raises `BadInput`
    for a label out of range, an unknown name, NaN and a wrong number of columns.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind == "U" and value.size == 1:
        value = str(value.reshape(-1)[0])
    if isinstance(value, str) and output.kind in ("binary", "multiclass"):
        return _named(value.strip(), output)
    row = _numbers(value, output)
    if output.kind == "regression":
        return _check_columns(row, output)
    if output.kind == "multilabel":
        if not np.isin(row, (0, 1)).all():
            raise BadInput(f"labels of the multilabel output {output.name!r} must be 0 or 1")
        return _check_columns(row, output).astype(np.int64)
    classes = classes_of(output)
    if row.size > 1:
        if row.size != classes or sorted(row) != [0.0] * (classes - 1) + [1.0]:
            raise BadInput(
                f"a label of {row.size} columns is not one-hot over the {classes} classes "
                f"of output {output.name!r}",
                remedy=f'write kind = "regression" (values) or "multilabel" under [outputs.{output.name}]',
            )
        return np.array(row.argmax(), dtype=np.int64)
    return _index(float(row[0]), output)


def _index(number: float, output: OutputSpec) -> NDArray[Any]:
    classes = classes_of(output)
    if not number.is_integer() or not 0 <= number < classes:
        raise BadInput(
            f"label {number:g} is outside the classes 0 to {classes - 1} of output {output.name!r}",
            remedy="check the labels, or the output's kind in the recipe",
        )
    return np.array(int(number), dtype=np.int64)


def _named(name: str, output: OutputSpec) -> NDArray[Any]:
    if name in output.labels:
        return _index(float(output.labels.index(name)), output)
    if not is_number(name) or any(map(str.isdigit, output.labels)):
        remedy = (
            did_you_mean(name, output.labels)
            if output.labels
            else f"name the classes in order: labels = [...] under [outputs.{output.name}]"
        )
        raise BadInput(f"label {name!r} is no class of output {output.name!r}", remedy=remedy)
    return _index(float(name), output)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(value: str | NDArray[Any], output: OutputSpec) -> NDArray[np.float64]:
    try:
        row = np.asarray(value).reshape(-1).astype(np.float64)
    except (ValueError, TypeError):
        raise BadInput(f"the label of output {output.name!r} is not a number") from None
    if not np.isfinite(row).all():
        raise BadInput(f"the label of output {output.name!r} is NaN or infinite")
    return row


def _check_columns(row: NDArray[np.float64], output: OutputSpec) -> NDArray[np.float64]:
    if row.size != output.columns:
        raise BadInput(f"{row.size} label columns for the {output.columns} of output {output.name!r}")
    return row
