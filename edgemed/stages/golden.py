"""Stage `golden`: cases that every artefact answers once here and must answer the same on a device."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.stages.job import Job, SetSource
from edgemed.types import GoldenSpec, Graph, InputSpec, OutputSpec, Sample

GOLDEN_INPUTS = "golden-inputs.npz"
_DRAWN_PER_CASE = 4
_STATISTICS_SAMPLES = 300

Arrays = dict[str, NDArray[Any]]


def make_golden_inputs(job: Job, graph: Graph, calibrate: SetSource | None) -> Path:
    """Raw inputs of the golden cases: synthetic, or real where the recipe lets real ones ship.

    Half of the cases are those nearest the operating point of the first head.
    """
    spec = job.recipe.golden
    depends_on = {
        "graph": graph.sha256,
        "outputs": [each.to_dict() for each in graph.outputs],
        "calibrate": calibrate.sha256 if calibrate else "",
        "golden": spec.to_dict(),
        "seed": job.recipe.seed,
        "versions": job.versions("onnxruntime", "numpy"),
    }
    stage = job.run(
        "golden", "drawing golden cases", depends_on, _draw, graph, calibrate, spec, job.recipe.seed
    )
    return stage.folder / GOLDEN_INPUTS


def _draw(
    graph: Graph, calibrate: SetSource | None, spec: GoldenSpec, seed: int, folder: Path
) -> dict[str, Any]:
    import onnxruntime as ort

    rng = np.random.default_rng(seed)
    wanted = spec.cases * _DRAWN_PER_CASE
    if calibrate is None:
        drawn = _noise(graph.inputs, {}, wanted, rng)
    elif spec.may_ship:
        drawn = _stack(itertools.islice(calibrate.open(), wanted), graph.inputs)
    else:
        drawn = _noise(graph.inputs, _moments(calibrate.open(), graph.inputs), wanted, rng)
    session = ort.InferenceSession(graph.path, providers=["CPUExecutionProvider"])
    total = len(next(iter(drawn.values())))
    scores = np.concatenate(
        [
            session.run(None, {name: array[i : i + 1] for name, array in drawn.items()})[0]
            for i in range(total)
        ]
    )
    chosen = _choose(scores, graph.outputs[0], min(spec.cases, total), rng)
    np.savez(
        folder / GOLDEN_INPUTS, allow_pickle=False, **{name: array[chosen] for name, array in drawn.items()}
    )
    return {"cases": len(chosen)}


def _choose(
    scores: NDArray[Any], output: OutputSpec, cases: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Half nearest the decision boundary, the rest at random."""
    if output.kind == "regression":
        margin = np.zeros(len(scores))
    elif output.kind == "multiclass":
        ordered = np.sort(scores, axis=1)
        margin = ordered[:, -1] - ordered[:, -2]
    elif output.kind == "multilabel":
        margin = np.abs(scores - output.threshold).min(axis=1)
    else:
        margin = np.abs(scores[:, -1] - output.threshold)
    order = np.argsort(margin, kind="stable")
    nearest, rest = order[: cases // 2], order[cases // 2 :]
    others = rng.permutation(rest)[: cases - len(nearest)]
    return np.sort(np.concatenate([nearest, others])).astype(np.int64)


def _moments(samples: Iterable[Sample], specs: tuple[InputSpec, ...]) -> dict[str, Arrays]:
    """Mean, standard deviation, smallest and largest value of each element, over a stream."""
    moments: dict[str, Arrays] = {
        spec.name: {
            "sum": np.zeros(spec.shape),
            "squares": np.zeros(spec.shape),
            "low": np.full(spec.shape, np.inf),
            "high": np.full(spec.shape, -np.inf),
        }
        for spec in specs
    }
    count = 0
    for sample in itertools.islice(samples, _STATISTICS_SAMPLES):
        count += 1
        for name, of in moments.items():
            value = sample.inputs[name].astype(np.float64)
            of["sum"] += value
            of["squares"] += value**2
            of["low"] = np.minimum(of["low"], value)
            of["high"] = np.maximum(of["high"], value)
    for of in moments.values():
        of["mean"] = of["sum"] / count
        of["std"] = np.sqrt(np.maximum(of["squares"] / count - of["mean"] ** 2, 0.0))
    return moments


def _noise(
    specs: tuple[InputSpec, ...], moments: dict[str, Arrays], wanted: int, rng: np.random.Generator
) -> Arrays:
    """Perturbed noise shaped like the data: the mean plus smoothed noise of several strengths, in range."""
    drawn: Arrays = {}
    for spec in specs:
        of = moments.get(spec.name)
        integer = np.dtype(spec.dtype).kind in "iu"
        mean = of["mean"] if of else np.full(spec.shape, 128.0 if integer else 0.0)
        std = of["std"] if of else np.full(spec.shape, 64.0 if integer else 1.0)
        low, high = (of["low"].min(), of["high"].max()) if of else (-np.inf, np.inf)
        if integer:
            limits = np.iinfo(spec.dtype)
            low, high = max(low, limits.min), min(high, limits.max)
        values = np.empty((wanted, *spec.shape))
        for index in range(wanted):
            strength = rng.uniform(0.2, 2.0)
            common = rng.standard_normal()
            noise = _smoothed(rng.standard_normal(spec.shape), index % 3)
            values[index] = mean + std * strength * (0.5 * common + noise)
        values = np.clip(values, low, high)
        drawn[spec.name] = (np.rint(values) if integer else values).astype(spec.dtype)
    return drawn


def _smoothed(noise: NDArray[np.float64], passes: int) -> NDArray[np.float64]:
    """Average with neighbours along every axis, at unit variance."""
    for _ in range(passes * 2):
        for axis in range(noise.ndim):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    deviation = float(noise.std())
    return noise / deviation if deviation > 0 else noise


def _stack(samples: Iterable[Sample], specs: tuple[InputSpec, ...]) -> Arrays:
    held = [sample.inputs for sample in samples]
    return {spec.name: np.stack([each[spec.name] for each in held]) for spec in specs}
