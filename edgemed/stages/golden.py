"""Stage `golden`: cases that every artefact answers once here and must answer the same on a device."""

from __future__ import annotations

import itertools
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.stages.job import Job, SetSource
from edgemed.types import GoldenSpec, Graph, InputSpec, OutputSpec, Sample
from edgemed.types.acquisition import LAYOUT

GOLDEN_INPUTS = "golden-inputs.npz"
_DRAWN_PER_CASE = 4
_STATISTICS_SAMPLES = 300
_FEWEST_PER_ELEMENT = 100
_FEWEST_VALUES = 10
_SHORTEST_SMOOTHED = 9
_ECHOES = (LAYOUT.index("T"), LAYOUT.index("E"))

Arrays = dict[str, NDArray[Any]]


def make_golden_inputs(job: Job, graph: Graph, calibrate: SetSource | None) -> Path:
    """Raw inputs of the golden cases, as `in.NAME`: synthetic, or real where the recipe lets real ones ship.

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
        "golden", "drawing golden cases", depends_on, draw_cases, graph, calibrate, spec, job.recipe.seed
    )
    return stage.folder / GOLDEN_INPUTS


def draw_cases(
    graph: Graph, calibrate: SetSource | None, spec: GoldenSpec, seed: int, folder: Path
) -> dict[str, Any]:
    """Write `GOLDEN_INPUTS`. Each case is drawn, scored and forgotten; those chosen are drawn again."""
    import onnxruntime as ort

    wanted = spec.cases * _DRAWN_PER_CASE
    draw = _draw(graph.inputs, calibrate, spec, seed, wanted)
    session = ort.InferenceSession(graph.path, providers=["CPUExecutionProvider"])
    output = graph.outputs[0]
    scores = np.concatenate(
        [
            session.run([output.name], {name: array[None] for name, array in case.items()})[0]
            for case in draw(range(wanted))
        ]
    )
    chosen = _choose(scores, output, min(spec.cases, len(scores)), np.random.default_rng((seed, wanted)))
    _write(folder / GOLDEN_INPUTS, graph.inputs, chosen, draw)
    return {"cases": len(chosen)}


Draw = Callable[[Iterable[int]], Iterator[Arrays]]
"""Gives the cases of these ascending numbers, one in memory at a time, without the batch axis."""


def _draw(
    specs: tuple[InputSpec, ...], calibrate: SetSource | None, spec: GoldenSpec, seed: int, wanted: int
) -> Draw:
    if calibrate is not None and spec.may_ship:
        return lambda numbers: _real(itertools.islice(calibrate.open(), wanted), numbers)
    moments = {} if calibrate is None else moments_of(calibrate.open(), specs)
    return lambda numbers: (synthetic(specs, moments, seed, number) for number in numbers)


def _real(samples: Iterable[Sample], numbers: Iterable[int]) -> Iterator[Arrays]:
    kept = frozenset(numbers)
    return (sample.inputs for number, sample in enumerate(samples) if number in kept)


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


def _write(path: Path, specs: tuple[InputSpec, ...], chosen: NDArray[np.int64], draw: Draw) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for spec in specs:
            header = {
                "descr": np.lib.format.dtype_to_descr(np.dtype(spec.dtype)),
                "fortran_order": False,
                "shape": (len(chosen), *spec.shape),
            }
            with archive.open(f"in.{spec.name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array_header_1_0(file, header)
                for case in draw(chosen.tolist()):
                    file.write(case[spec.name].tobytes())


@dataclass(frozen=True)
class Moments:
    """What is known of an input's values."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    """These two broadcast to one sample's shape."""
    low: float
    high: float
    """Of all elements together."""


def moments_of(samples: Iterable[Sample], specs: tuple[InputSpec, ...]) -> dict[str, Moments]:
    """Moments of each input over a stream.

    The mean image of few samples would show the patients. So an element has moments of its own from 100
    samples, a channel (or a column of a table, or an echo of a raw signal, of which `Manifest.signals` tells
    as much) from 10 values; else all elements have the same.
    """
    sums = {spec.name: np.zeros(spec.shape) for spec in specs}
    squares = {spec.name: np.zeros(spec.shape) for spec in specs}
    limits = {spec.name: (math.inf, -math.inf) for spec in specs}
    count = 0
    for sample in itertools.islice(samples, _STATISTICS_SAMPLES):
        count += 1
        for name, (low, high) in limits.items():
            value = sample.inputs[name].astype(np.float64)
            limits[name] = (min(low, float(value.min())), max(high, float(value.max())))
            sums[name] += value
            squares[name] += value**2
    moments = {}
    for spec in specs:
        axes = _averaged(spec, count)
        mean = sums[spec.name].mean(axis=axes, keepdims=True) / count
        variance = squares[spec.name].mean(axis=axes, keepdims=True) / count - mean**2
        moments[spec.name] = Moments(mean, np.sqrt(np.maximum(variance, 0.0)), *limits[spec.name])
    return moments


def _averaged(spec: InputSpec, samples: int) -> tuple[int, ...]:
    """The axes over which moments are taken, beside the samples."""
    axes = tuple(range(len(spec.shape)))
    if samples >= _FEWEST_PER_ELEMENT:
        return ()
    kept = _ECHOES if spec.layout == LAYOUT else (0 if len(axes) == 1 else spec.layout.find("C"),)
    others = tuple(axis for axis in axes if axis not in kept)
    values = samples * math.prod(spec.shape[axis] for axis in others)
    return others if values >= _FEWEST_VALUES else axes


def synthetic(specs: tuple[InputSpec, ...], moments: dict[str, Moments], seed: int, number: int) -> Arrays:
    """Case `number`, shaped like the data: the mean plus smoothed noise of some strength, in range.

    Without moments, standard normal noise, or for whole numbers noise around 128.
    """
    rng = np.random.default_rng((seed, number))
    drawn: Arrays = {}
    for spec in specs:
        integer = np.dtype(spec.dtype).kind in "iu"
        of = moments.get(spec.name) or _unknown(128.0 if integer else 0.0, 64.0 if integer else 1.0)
        low, high = of.low, of.high
        if integer:
            limits = np.iinfo(spec.dtype)
            low, high = max(low, limits.min), min(high, limits.max)
        strength = rng.uniform(0.2, 2.0)
        common = rng.standard_normal()
        noise = _smoothed(rng.standard_normal(spec.shape), number % 3)
        values = np.clip(of.mean + of.std * strength * (0.5 * common + noise), low, high)
        drawn[spec.name] = np.asarray(np.rint(values) if integer else values).astype(spec.dtype)
    return drawn


def _unknown(mean: float, std: float) -> Moments:
    return Moments(np.array(mean), np.array(std), -math.inf, math.inf)


def _smoothed(noise: NDArray[np.float64], passes: int) -> NDArray[np.float64]:
    """Average with neighbours along the long axes, at unit variance. A few columns have no neighbours."""
    axes = [axis for axis, length in enumerate(noise.shape) if length >= _SHORTEST_SMOOTHED]
    for axis in axes * passes * 2:
        noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    return noise / float(noise.std()) if axes else noise
