"""Why the quantiser starts behind the front: simulated raw MR signals with and without int8 in their steps.

The lesions of the median case change a signal by 0.05 % of its largest value, an eighth of a step of int8
over its range. Redundancy hides part of the loss: 96 echoes cross the steps at places of their own, and noise
spreads them. So the better the signals, the more is lost. AUC and R2, 400 heads seen, 300 unseen:

    SNR 1000    float .942, .983    front in float .941, .983    int8 before it .891, .898
    SNR 10000   float 1.00, .9996   front in float 1.00, .9996   int8 before it .987, .564
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.compress import find_scales, write_uint8_activations
from edgemed.compress.placement import with_ranges
from edgemed.compress.qdq import uint8_scale, write_qdq
from edgemed.compress.quantise import OPENVINO_FILE
from edgemed.compress.ranges import tensor_ranges
from edgemed.compress.scales import Scales
from edgemed.mr.linear import LinearReadout, fit_linear
from edgemed.mr.quality import auc, r2
from edgemed.mr.simulate import SimulatedSignals, add_noise, simulate
from edgemed.mr.task import IMRD_EASY
from edgemed.preprocess import PREFIX, attach, tensor_name, write_front
from edgemed.types import InputSpec, OutputSpec, QuantiseSpec, Step

pytestmark = pytest.mark.slow

HEADS, TRAINED, DRAWS = 120, 60, 4
RAW = InputSpec("signal", "float32", (3, 32, 8, 1, 2), "TESKQ")
STEPS = [
    Step("phase_reference", {"echoes": 2}),
    Step("amplitude", {"echoes": 2}),
    Step("iq_channels"),
]
FEATURES = (2, 3 * 32 * 8)
LOST = {1000.0: 0.95, 10_000.0: 0.7}
"""By SNR, what R2 falls below where a step of the front is in int8; it was .98 and .999."""


@dataclass(frozen=True)
class Signals:
    """`raw` float32 (n, *RAW.shape): heads `DRAWS` times over, each time with other noise."""

    raw: np.ndarray
    lesion: np.ndarray
    lesion_ml: np.ndarray

    def every(self, start: int) -> Signals:
        """Of every two draws of a head, the one numbered `start`."""
        rows = np.arange(len(self.raw)) // (len(self.raw) // DRAWS) % 2 == start
        return Signals(self.raw[rows], self.lesion[rows], self.lesion_ml[rows])


@dataclass(frozen=True)
class Case:
    """The graph of steps and linear readouts in `folder`, its int8 forms, and unseen signals."""

    folder: Path
    snr: float
    calibration: np.ndarray
    unseen: Signals

    def reached(self, form: str) -> tuple[float, float]:
        """AUC of lesion or none, and R2 of the volume, on unseen signals."""
        lesion, volume = _run(self.folder / form, self.unseen.raw)
        return auc(self.unseen.lesion, lesion), r2(self.unseen.lesion_ml, volume)

    def with_int8_behind(self, step: str) -> str:
        """The int8 form with one more Q and DQ, behind `step` or, with "", at the receiver's samples.

        Its range is that of the calibration signals.
        """
        import onnx

        graph = self.folder / "graph.onnx"
        nodes = onnx.load(graph).graph.node
        behind = [node.output[0] for node in nodes if step and f"/{step}/" in node.name]
        tensor = ["signal", *behind][-1]
        takers = {tensor: tuple(node.name for node in nodes if tensor in node.input)}
        ranges = tensor_ranges(graph, takers, ({"signal": each[None]} for each in self.calibration))
        scales = with_ranges(Scales.load(self.folder), takers, ranges)
        write_qdq(graph, scales, self.folder / "more.onnx", signed=False)
        return "more.onnx"


def _run(path: Path, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if path.suffix == ".xml":
        import openvino as ov

        model = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        rows = [model({"signal": each[None]}) for each in raw]
        lesion, volume = (np.concatenate([row[name] for row in rows]) for name in ("lesion", "volume"))
    else:
        import onnxruntime as ort

        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        lesion, volume = session.run(["lesion", "volume"], {"signal": raw})
    return lesion[:, 0], volume[:, 0]


def _through(steps: list[Step], raw: np.ndarray, folder: Path) -> np.ndarray:
    import onnxruntime as ort

    write_front([RAW], {"signal": steps}, folder / "front.onnx", opset=graphs.OPSET)
    session = ort.InferenceSession(folder / "front.onnx", providers=["CPUExecutionProvider"])
    return session.run([tensor_name("signal")], {"signal": raw})[0].astype(np.float64)


def _drawn(made: SimulatedSignals, rows: slice, snr: float, seed: int) -> Signals:
    noisy = np.concatenate([add_noise(made.clean[rows], snr, seed + draw) for draw in range(DRAWS)])
    raw = noisy.view(np.float32).reshape(-1, *RAW.shape)
    return Signals(raw, np.tile(made.lesion[rows], DRAWS), np.tile(made.lesion_ml[rows], DRAWS))


def _write_graph(
    folder: Path, steps: list[Step], readouts: dict[str, LinearReadout], sizes: dict[str, float]
) -> None:
    """The readouts as one layer, each divided by its size to share a range, and a head behind it for each."""
    g = graphs.Writer(0)
    columns = [each.scale * each.weights / sizes[name] for name, each in readouts.items()]
    starts = [-each.mean @ column for each, column in zip(readouts.values(), columns, strict=True)]
    matrix, bias = np.stack(columns, 1).astype(np.float32), np.array(starts, np.float32)
    x = g.add("Flatten", "signal")
    x = g.add("Gemm", x, g.constant(matrix), g.constant(bias), name="readouts")
    for index, (name, each) in enumerate(readouts.items()):
        weights = np.zeros((len(readouts), 1), np.float32)
        weights[index] = sizes[name]
        offset = np.array([each.offset], np.float32)
        g.add("Gemm", x, g.constant(weights), g.constant(offset), name=f"{name}_head", out=name)
    outputs = tuple(OutputSpec(name, "regression", 1) for name in readouts)
    core = g.write(folder, "core", (InputSpec("signal", "float32", FEATURES),), outputs)
    attach(core.path, [RAW], {"signal": steps}, folder / "graph.onnx")


@pytest.fixture(scope="module")
def heads() -> SimulatedSignals:
    return simulate(IMRD_EASY, HEADS, 7, keep_clean=True)


@pytest.fixture(scope="module", params=LOST, ids=lambda snr: f"SNR {snr:g}")
def case(request, heads, tmp_path_factory) -> Case:
    folder = tmp_path_factory.mktemp("front")
    seen, unseen = (
        _drawn(heads, rows, request.param, seed)
        for rows, seed in ((slice(TRAINED), 100), (slice(TRAINED, HEADS), 200))
    )
    before = _through(STEPS, seen.raw, folder)
    np.savez(folder / "whiten.npz", mean=before.mean(0), std=before.std(0))
    steps = [*STEPS, Step("whiten", {"statistics": str(folder / "whiten.npz")})]
    fitted, chosen = seen.every(0), seen.every(1)
    inputs, others = (
        _through(steps, each.raw, folder).reshape(len(each.raw), -1) for each in (fitted, chosen)
    )
    told, known = ({"lesion": each.lesion, "volume": each.lesion_ml} for each in (fitted, chosen))
    linear = fit_linear(
        (OutputSpec("lesion", "binary", 1), OutputSpec("volume", "regression", 1)),
        inputs,
        told,
        (others, known),
    )
    readouts = {name: readout for name, (readout,) in linear.readouts.items()}
    _write_graph(
        folder, steps, readouts, {name: float(each(inputs).std()) for name, each in readouts.items()}
    )
    samples = graphs.Samples({"signal": seen.raw})
    find_scales(folder / "graph.onnx", samples, QuantiseSpec(samples=100), seed=0, saturates=True, out=folder)
    write_uint8_activations(folder / "graph.onnx", folder, folder / "int8.onnx")
    return Case(folder, request.param, seen.raw[:100], unseen)


def test_lesions_are_less_than_a_step(heads):
    parts = heads.clean.view(np.float32)
    step, _ = uint8_scale(float(parts.min()), float(parts.max()))
    control = heads.clean[heads.lesion == 0][0]
    largest = np.abs(heads.clean[heads.lesion == 1] - control).max((1, 2, 3, 4))
    assert np.median(largest) < 0.2 * step


def test_no_quantise_stands_in_the_front(case):
    import onnx
    import openvino as ov

    graph = onnx.load(case.folder / "int8.onnx").graph
    front = [node for node in graph.node if node.name.startswith(PREFIX)]
    assert len(front) > 20
    inside = {"signal", *(name for node in front for name in node.output)} - {tensor_name("signal")}
    quantised = {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    assert quantised
    assert not quantised & inside
    assert not any(dequantised & set(node.input) for node in front)
    operators = ov.Core().read_model(case.folder / OPENVINO_FILE).get_ordered_ops()
    faked = [op.input_value(0).get_names() for op in operators if op.get_type_name() == "FakeQuantize"]
    assert faked
    assert not any(inside & names for names in faked)


@pytest.mark.parametrize("form", ["int8.onnx", OPENVINO_FILE])
def test_with_the_front_in_float_int8_finds_what_float_finds(case, form):
    exact, found = case.reached("graph.onnx"), case.reached(form)
    assert exact[0] > 0.9
    assert exact[1] > 0.96
    assert found == pytest.approx(exact, abs=0.005)


@pytest.mark.parametrize("behind", ["", "step0_phase_reference", "step1_amplitude"])
def test_int8_in_the_front_loses_lesions_and_volumes(case, behind):
    exact, found = case.reached("graph.onnx"), case.reached(case.with_int8_behind(behind))
    assert found[0] < exact[0] - 0.005
    assert found[1] < LOST[case.snr]
