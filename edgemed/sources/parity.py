"""check_parity: the exported graph computes what the original computes, or the first layer that differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources.reference import intermediate_values, reference_errors, reference_session
from edgemed.sources.trained import Layer, TrainedModel
from edgemed.types import InputSpec, Record

FLOOR = 1e-7
"""About what float32 resolves around 1; onnxruntime's sigmoid never falls below 1.5e-8."""
OF_MAGNITUDE = 1e-4
OF_RANGE = 1e-3
_ROWS_ALONE = 4


class Parity(Record):
    """How near the exported graph is to the original over all batches and outputs."""

    batch_sizes: tuple[int, ...]
    difference: float
    """Largest absolute, on the last batch, of the output that comes nearest to its tolerance."""
    tolerance: float
    """Of that output: 1e-7 + 1e-4 of its largest absolute value + 1e-3 of its range; for an original in
    float16 ten times that."""


def check_parity(
    trained: TrainedModel, onnx_path: Path, batches: Sequence[dict[str, NDArray[Any]]]
) -> Parity:
    """Run the original and the exported graph on every batch (float32, batch axis first, by input name).

    The last batch is the most real one: random values before it may lie where the model is not defined.
    The tolerance is 1e-7 + 1e-4 of the largest absolute value + 1e-3 of the range of the original's output:
    for the last batch, on that batch alone; for those before it, on all batches; times `trained.rounding`
    (10 for an original that computes in float16). Raises `ToolFailure` that
    names the first layer that differs by more; `BadInput` where the original gives NaN or infinity on the
    last batch, two answers for one input, or the same answer for every input.
    """
    try:
        session = reference_session(onnx_path)
    except reference_errors() as error:
        raise ToolFailure(
            f"onnxruntime cannot load the exported graph: {str(error).splitlines()[0]}", where=trained.shown
        ) from error
    names = [value.name for value in session.get_outputs()]
    originals = [trained.predict(batch) for batch in batches]
    _check_original(trained, names, batches, originals)
    found: list[tuple[float, float]] = []
    for batch, original, limits in zip(
        batches, originals, _tolerances(originals, trained.rounding), strict=True
    ):
        try:
            exported = session.run(None, batch)
        except reference_errors() as error:
            raise ToolFailure(
                f"the exported graph does not run at batch size {_rows(batch)}: {str(error).splitlines()[0]}",
                where=trained.shown,
                remedy="a shape was frozen at export; take batch sizes from x.shape[0]",
            ) from error
        found.clear()
        for name, a, b, limit in zip(names, original, exported, limits, strict=True):
            difference = _difference(a, b)
            if difference > limit:
                raise _mismatch(trained, onnx_path, batch, name, difference)
            found.append((difference, limit))
    nearest = max(found, key=lambda each: each[0] / each[1])
    return Parity(tuple(_rows(batch) for batch in batches), *nearest)


def random_batch(inputs: Sequence[InputSpec], rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Standard normal float32 values, shape (rows, *shape), by input name."""
    draw = np.random.default_rng(seed)
    return {spec.name: draw.standard_normal((rows, *spec.shape), dtype=np.float32) for spec in inputs}


def agrees(
    originals: Sequence[Sequence[NDArray[Any]]],
    others: Sequence[Sequence[NDArray[Any]]],
    rounding: float = 1.0,
) -> bool:
    """Every output of every batch within the tolerance of `check_parity`; NaN equals NaN."""
    return all(
        len(original) == len(other)
        and all(_difference(a, b) <= limit for a, b, limit in zip(original, other, limits, strict=True))
        for original, other, limits in zip(originals, others, _tolerances(originals, rounding), strict=True)
    )


def _tolerances(originals: Sequence[Sequence[NDArray[Any]]], rounding: float) -> list[list[float]]:
    """By batch and output. The last batch has its own: random values before it may lie far from it."""
    together = [
        _tolerance(np.concatenate([a.ravel() for a in v]), rounding) for v in zip(*originals, strict=True)
    ]
    return [together] * (len(originals) - 1) + [[_tolerance(value, rounding) for value in originals[-1]]]


def _tolerance(values: NDArray[Any], rounding: float) -> float:
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.size:
        return FLOOR
    return float(rounding * (FLOOR + OF_MAGNITUDE * np.abs(finite).max() + OF_RANGE * np.ptp(finite)))


def _difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Largest absolute difference; infinite where shapes, NaN or infinities differ."""
    if a.shape != b.shape:
        return float("inf")
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    same = (wide_a == wide_b) | (np.isnan(wide_a) & np.isnan(wide_b))
    if same.all():
        return 0.0
    gap = np.abs(wide_a[~same] - wide_b[~same])
    return float("inf") if np.isnan(gap).any() else float(gap.max())


def _rows(batch: dict[str, NDArray[Any]]) -> int:
    return len(next(iter(batch.values())))


def _check_original(
    trained: TrainedModel,
    names: list[str],
    batches: Sequence[dict[str, NDArray[Any]]],
    originals: list[tuple[NDArray[Any], ...]],
) -> None:
    for batch, outputs in zip(batches, originals, strict=True):
        for name, value in zip(names, outputs, strict=True):
            if value.ndim == 0 or len(value) != _rows(batch):
                raise BadInput(
                    f"output {name} has shape {list(value.shape)} for {_rows(batch)} samples",
                    where=trained.shown,
                    remedy="every output keeps the batch as its first axis",
                )
            if batch is batches[-1] and not np.isfinite(value).all():
                row = int(np.argmin(np.isfinite(value).reshape(len(value), -1).all(axis=1)))
                raise BadInput(
                    f"output {name} of the original is NaN or infinite (batch size {len(value)}, row {row})",
                    where=trained.shown,
                    remedy="look for a logarithm, division or square root of input that can be 0 or below",
                )
    again = trained.predict(batches[0])
    if any(
        _difference(a, b) > _tolerance(a, trained.rounding) for a, b in zip(originals[0], again, strict=True)
    ):
        raise BadInput(
            "the model gives two answers for the same input",
            where=trained.shown,
            remedy="switch off what is random in it (dropout, noise) for inference",
        )
    _check_rows_alone(trained, names, batches[-1], originals[-1])
    _check_dependence(trained, names, originals)


def _check_rows_alone(
    trained: TrainedModel,
    names: list[str],
    batch: dict[str, NDArray[Any]],
    together: tuple[NDArray[Any], ...],
) -> None:
    """A device asks for one sample at a time: its answer must not depend on what else is in the batch."""
    for row in range(min(_rows(batch), _ROWS_ALONE)):
        alone = trained.predict({name: value[row : row + 1] for name, value in batch.items()})
        for name, a, b in zip(names, together, alone, strict=True):
            if _difference(a[row : row + 1], b) > _tolerance(a, trained.rounding):
                raise BadInput(
                    f"output {name} of a sample depends on the other samples of its batch "
                    f"({a[row].ravel()[0]:.4g} among {_rows(batch)}, {b.ravel()[0]:.4g} alone)",
                    where=trained.shown,
                    remedy="look for a mean over the batch axis; call eval() before saving",
                )


def _check_dependence(
    trained: TrainedModel, names: list[str], originals: list[tuple[NDArray[Any], ...]]
) -> None:
    for i, name in enumerate(names):
        rows = np.concatenate([outputs[i].reshape(len(outputs[i]), -1) for outputs in originals])
        rows = rows[np.isfinite(rows).all(axis=1)]
        spread = float(np.ptp(rows, axis=0).max())
        if len(rows) > 1 and spread <= 1e-6 * float(np.abs(rows).max()):
            raise BadInput(
                f"output {name} is {float(rows[0, 0]):.4g} for every input ({len(rows)} tried)",
                where=trained.shown,
                remedy="check the weights; look for dead ReLUs and a softmax of one column",
            )


def _mismatch(
    trained: TrainedModel, onnx_path: Path, batch: dict[str, NDArray[Any]], output: str, difference: float
) -> ToolFailure:
    problem = f"the exported graph differs from the original: output {output} by {difference:.3g}"
    found = _first_difference(trained, onnx_path, batch)
    if found is None:
        return ToolFailure(
            f"{problem}; every layer alone agrees, so the runtime's graph optimiser is at fault",
            where=trained.shown,
        )
    layer, operator, gap = found
    return ToolFailure(
        f"{problem} (batch size {_rows(batch)}); the first layer that differs is {layer.name} ({operator}), "
        f"by {gap:.3g}",
        where=layer.line or trained.shown,
        remedy="write that layer with other operators, or report it to the exporter's project",
    )


def _first_difference(
    trained: TrainedModel, onnx_path: Path, batch: dict[str, NDArray[Any]]
) -> tuple[Layer, str, float] | None:
    import onnx

    model = onnx.load(str(onnx_path))
    exported = intermediate_values(model, batch)
    operators = {name: node.op_type for node in model.graph.node for name in node.output}
    layers = {layer.name: layer for layer in trained.layers(batch)}
    for name, value in exported.items():
        layer = layers.get(name)
        if layer is None or value.dtype.kind != "f" or layer.value.dtype.kind != "f":
            continue
        value = value[: len(layer.value)] if value.ndim and layer.value.ndim else value
        if value.shape != layer.value.shape:
            continue
        gap = _difference(layer.value, value)
        if gap > _tolerance(layer.value, trained.rounding):
            return layer, operators[name], gap
    return None
