"""Nets as teams bring them, through the older exporter, at 64x64: every scale reaches both forms."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from edgemed import suite
from edgemed.backends import get_backend
from edgemed.compress import find_scales, write_uint8_activations
from edgemed.compress.keep_float import is_transformer
from edgemed.compress.quantise import OPENVINO_FILE
from edgemed.sources.torch_program import quiet
from edgemed.types import InputSpec, QuantiseSpec, Sample

pytestmark = pytest.mark.slow

# layers that stay in float beside the last: NNCF leaves the squeeze-and-excite gates behind a Swish alone
FLOAT_GATES = {"efficientnet_b0": 32}
NETS = ("resnet18", "densenet121", "mobilenet_v3", "efficientnet_b0", "deit_tiny")


class Drawn:
    source, labelled, skipped, notes = "drawn", False, (), ()

    def __init__(self, inputs: tuple[InputSpec, ...], count: int) -> None:
        self.arrays = suite.draw(inputs, count, seed=3)
        self.count = count

    def __len__(self) -> int:
        return self.count

    def select(self, indices):
        for i in sorted(indices):
            yield Sample(str(i), {name: array[i] for name, array in self.arrays.items()}, {})


@pytest.fixture(scope="module", params=NETS)
def net(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """(name, folder, inputs): `graph.onnx`, `qdq.onnx` and the OpenVINO form in the folder."""
    import torch

    torch.set_num_threads(1)
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    size = 224 if name == "deit_tiny" else 64
    inputs = (InputSpec("image", "float32", (3, size, size), "CHW"),)
    with quiet():
        torch.onnx.export(
            suite.build(name).module, (torch.zeros(1, 3, size, size),), str(folder / "graph.onnx"),
            dynamo=False, opset_version=17, input_names=["image"], output_names=["scores"],
            dynamic_axes={"image": {0: "n"}, "scores": {0: "n"}},
        )  # fmt: skip
    spec = QuantiseSpec(samples=8)
    find_scales(folder / "graph.onnx", Drawn(inputs, 8), spec, seed=0, saturates=True, out=folder)
    write_uint8_activations(folder / "graph.onnx", folder, folder / "qdq.onnx")
    return name, folder, inputs


def test_every_weight_that_is_int8_in_one_form_is_in_the_other(net, layer_precisions):
    import onnx
    import openvino as ov

    name, folder, _ = net
    onnx.checker.check_model(onnx.load(folder / "qdq.onnx"), full_check=True)
    counts = Counter(layer_precisions(folder / "qdq.onnx").values())
    constants = sum(
        op.get_type_name() == "Constant" and op.get_element_type().get_type_name() == "i8"
        for op in ov.Core().read_model(folder / OPENVINO_FILE).get_ordered_ops()
    )
    assert counts["int8"] == constants > 15
    assert counts["fp32"] == 1 + FLOAT_GATES.get(name, 0)
    assert is_transformer(folder / "graph.onnx") is (name == "deit_tiny")


def test_onnxruntime_unpacks_no_weights_at_run_time(net, layer_precisions, tmp_path: Path):
    name, folder, inputs = net
    backend = get_backend("onnxruntime")
    backend.build(folder / "qdq.onnx", "int8", tmp_path)
    layers = backend.executed_layers(tmp_path, "int8", suite.draw(inputs, 1, seed=9))
    written = Counter(layer_precisions(folder / "qdq.onnx").values())
    weighted = ("Conv", "FusedConv", "QLinearConv", "Gemm", "FusedGemm", "QGemm")
    ran = Counter(precision for _, op, precision in layers if op in weighted)
    if name == "deit_tiny":
        products = sum(op == "MatMulIntegerToFloat" for _, op, _ in layers)
        assert ran["int8"] + products >= written["int8"]
    else:
        assert ran["int8"] == written["int8"]
    assert ran["fp32"] == written["fp32"]


def test_answers_of_both_forms_are_near_those_of_float(net, tmp_path: Path):
    import onnxruntime as ort

    _, folder, inputs = net
    batch = Drawn(inputs, 8).arrays
    exact, qdq = (
        ort.InferenceSession(folder / file).run(None, batch)[0] for file in ("graph.onnx", "qdq.onnx")
    )
    backend = get_backend("openvino")
    backend.build(folder / OPENVINO_FILE, "int8", tmp_path)
    (openvino,) = backend.load(tmp_path, "int8", ("scores",), 1).run(batch)
    assert _snr_db(exact, qdq) > 6
    assert _snr_db(exact, openvino) > 6


def _snr_db(reference: np.ndarray, other: np.ndarray) -> float:
    noise = float(((reference - other) ** 2).mean())
    return 10 * float(np.log10(((reference - reference.mean(0)) ** 2).mean() / noise))
