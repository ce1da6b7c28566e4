"""The original, broken on purpose: what a control is, and its answers on a set. Runs in child processes."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.child import report_progress
from edgemed.compress import find_scales, write_uint8_activations
from edgemed.compress.calibration import CalibrationStream
from edgemed.compress.clipped_activations import write_clipped
from edgemed.compress.scaled_samples import ScaledSamples
from edgemed.compress.zeroed_channels import write_zeroed
from edgemed.errors import BadInput
from edgemed.measure import predict
from edgemed.runtime import Session, host_facts, instruction_sets, int8_sums_saturate, read_manifest
from edgemed.stages.job import SetSource
from edgemed.types import QuantiseSpec

_PROBES = 8
_GRAPH = "model.onnx"

Answers = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Material:
    """What models are broken from: the original's folder, and what int8 was calibrated on and how."""

    original: Path
    calibrate: SetSource | None
    quantise: QuantiseSpec
    seed: int

    @property
    def graph(self) -> Path:
        return self.original / _GRAPH


def pruned(material: Material, source: SetSource, share: float) -> Answers | str:
    """That share of each layer's channels set to zero, none recovered."""

    def write(out: Path) -> str:
        return "" if write_zeroed(material.graph, share, out) else "no layer but the last has weights"

    return _broken(material, source, write)


def wrongly_scaled(material: Material, source: SetSource, divisor: float) -> Answers | str:
    """int8 whose scales were found on samples divided by `divisor`."""
    if material.calibrate is None:
        return _NO_CALIBRATION
    if _invariant(material, material.calibrate, divisor):
        return "its answers do not depend on the scale of the inputs"
    samples = ScaledSamples(material.calibrate.open(), divisor)
    saturates = int8_sums_saturate(host_facts()["arch"], instruction_sets())

    def write(out: Path) -> str:
        find_scales(
            material.graph, samples, material.quantise,
            seed=material.seed, saturates=saturates, out=out.parent,
        )  # fmt: skip
        write_uint8_activations(material.graph, out.parent, out)
        return ""

    return _broken(material, source, write)


def clipped(material: Material, source: SetSource, share: float) -> Answers | str:
    """What layers take from earlier ones clipped at that share of its range."""
    if material.calibrate is None:
        return _NO_CALIBRATION
    stream = CalibrationStream(material.calibrate.open(), material.quantise.samples, material.seed)

    def write(out: Path) -> str:
        return (
            "" if write_clipped(material.graph, stream, share, out) else "no layer takes what another gives"
        )

    return _broken(material, source, write)


_NO_CALIBRATION = "the recipe names no calibration set"


def check_material(material: Material) -> None:
    """Raises `BadInput` where the original's graph is not there."""
    if not material.graph.is_file():
        raise BadInput(
            f"there is no {_GRAPH}: controls are broken from the original's graph",
            where=str(material.original),
            remedy="compile again",
        )


def _broken(material: Material, source: SetSource, write: Callable[[Path], str]) -> Answers | str:
    """Answers of the graph that `write` puts at a path, or why it could not."""
    manifest = read_manifest(material.original)
    with tempfile.TemporaryDirectory(prefix="edgemed-") as scratch:
        folder = Path(scratch)
        reason = write(folder / _GRAPH)
        if reason:
            return reason
        session = Session.load_unverified(folder, manifest)
        samples = source.open()
        total = len(samples)
        return predict(session, samples, lambda done: report_progress(done, total)).outputs


def _invariant(material: Material, calibrate: SetSource, divisor: float) -> bool:
    """Whether the original answers the same where its inputs are divided, as behind a z-score."""
    # what is divided is beyond what the original answers
    manifest = replace(read_manifest(material.original), signals={}, values={})
    session = Session.load_unverified(material.original, manifest)
    answers: list[dict[str, Any]] = []
    for samples in (calibrate.open(), ScaledSamples(calibrate.open(), divisor)):
        answers.append(predict(session, itertools.islice(samples, _PROBES)).outputs)
    return all(np.allclose(answers[0][name], answers[1][name], atol=1e-3) for name in answers[0])
