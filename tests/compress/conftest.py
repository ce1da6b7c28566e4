"""Small graphs, and each of them quantised: made once per session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import graphs
import numpy as np
import pytest

from edgemed.compress import find_scales, write_uint8_activations
from edgemed.compress.quantise import OPENVINO_FILE
from edgemed.compress.scales import Scales
from edgemed.types import QuantiseSpec


@dataclass(frozen=True)
class Quantised:
    """A graph, what `find_scales` found for it, and both int8 forms."""

    net: Any
    folder: Path
    scales: Scales

    @property
    def qdq(self) -> Path:
        return self.folder / "qdq.onnx"

    @property
    def openvino(self) -> Path:
        return self.folder / OPENVINO_FILE

    @property
    def model(self) -> Any:
        """The Q/DQ model."""
        import onnx

        return onnx.load(self.qdq)

    def answers(self, batch: dict[str, np.ndarray]) -> dict[str, list[np.ndarray]]:
        """Outputs in manifest order: `float` and `qdq` on onnxruntime without fusions, `openvino`."""
        import onnxruntime as ort
        import openvino as ov

        names = [spec.name for spec in self.net.outputs]
        found = {}
        for form, path in (("float", self.net.path), ("qdq", self.qdq)):
            options = ort.SessionOptions()
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            found[form] = session.run(names, batch)
        compiled = ov.Core().compile_model(self.openvino, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        rows = len(next(iter(batch.values())))
        single = [compiled({name: value[i : i + 1] for name, value in batch.items()}) for i in range(rows)]
        found["openvino"] = [np.concatenate([np.array(row[name]) for row in single]) for name in names]
        return found


@pytest.fixture
def one_thread() -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def net_of(tmp_path_factory: pytest.TempPathFactory):
    made = {}

    def make(name: str):
        if name not in made:
            made[name] = graphs.GRAPHS[name](tmp_path_factory.mktemp(name))
        return made[name]

    return make


@pytest.fixture(scope="session")
def quantised(net_of, tmp_path_factory: pytest.TempPathFactory):
    """`quantised(graph, **options of QuantiseSpec)`; `saturates` is True unless given."""
    made: dict[str, Quantised] = {}

    def make(name: str, *, saturates: bool = True, **options: Any) -> Quantised:
        key = f"{name} {saturates} {options}"
        if key not in made:
            net, folder = net_of(name), tmp_path_factory.mktemp("quantised")
            spec = QuantiseSpec(**{"samples": 32, **options})
            find_scales(net.path, net.samples(32), spec, seed=0, saturates=saturates, out=folder)
            write_uint8_activations(net.path, folder, folder / "qdq.onnx")
            made[key] = Quantised(net, folder, Scales.load(folder))
        return made[key]

    return make


@pytest.fixture(scope="session")
def layer_precisions():
    """`layer_precisions(file)`: {name: precision} of each layer with weights, as written in an ONNX file."""

    def read(path: Path) -> dict[str, str]:
        import onnx

        model = onnx.load(path)
        constants = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
        dequantised = {
            node.output[0]
            for node in model.graph.node
            if node.op_type == "DequantizeLinear" and node.input[0] in constants
        }
        layers = {}
        for node in model.graph.node:
            weights = [name for name in node.input[1:] if name in constants or name in dequantised]
            if weights and node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN"):
                half = constants.get(weights[0]) == onnx.TensorProto.FLOAT16
                layers[node.name] = "int8" if weights[0] in dequantised else "fp16" if half else "fp32"
        return layers

    return read
