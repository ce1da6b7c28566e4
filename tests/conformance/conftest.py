"""Each small graph in each form, and each of these built for each backend: made once per session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.backends import Executor, Form, get_backend
from edgemed.compress import (
    find_scales,
    write_float16,
    write_signed_activations,
    write_uint8_activations,
)
from edgemed.compress.quantise import OPENVINO_FILE
from edgemed.types import EngineSpec, Precision, QuantiseSpec

ENGINE = EngineSpec("tensorrt-rtx", ("8.6",))
"""What a GPU's runtime is asked for: it builds it without a GPU."""


@dataclass(frozen=True)
class Case:
    """One graph built for one backend in one precision."""

    net: graphs.Net
    backend: str
    precision: Precision
    folder: Path

    def load(self, threads: int = 1, outputs: tuple[str, ...] = ()) -> Executor:
        """The outputs of the net in its order, or those given."""
        names = outputs or tuple(spec.name for spec in self.net.outputs)
        return self.loader(self.folder, self.precision, names, threads)

    @property
    def loader(self) -> Callable[..., Executor]:
        """The backend's `load`, or that of its stand-in where its hardware is missing."""
        backend = get_backend(self.backend)
        return backend.load_stand_in if backend.cannot_run(ENGINE) else backend.load

    @property
    def on_gpu(self) -> bool:
        backend = get_backend(self.backend)
        return bool(backend.stand_in) and not backend.cannot_run(ENGINE)

    def reference(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """What onnxruntime answers in fp32."""
        import onnxruntime as ort

        session = ort.InferenceSession(self.net.path, providers=["CPUExecutionProvider"])
        return session.run([spec.name for spec in self.net.outputs], inputs)


@pytest.fixture(scope="session")
def form_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Form], Path]:
    """`form_of(graph, form)`: the file of a graph in one form."""
    nets: dict[str, graphs.Net] = {}
    made: dict[tuple[str, str], Path] = {}

    def make(name: str, form: Form) -> Path:
        if name not in nets:
            nets[name] = graphs.GRAPHS[name](tmp_path_factory.mktemp(name))
        net = nets[name]
        if form == "float":
            return net.path
        if (name, form) not in made:
            if form == "float16":
                made[name, form] = net.path.with_name("float16.onnx")
                write_float16(net.path, made[name, form])
            else:
                folder = net.path.parent
                find_scales(
                    net.path, net.samples(24), QuantiseSpec(samples=24), seed=0, saturates=True, out=folder
                )
                made[name, "int8-openvino"] = folder / OPENVINO_FILE
                made[name, "int8-uint8-activations"] = folder / "uint8.onnx"
                write_uint8_activations(net.path, folder, folder / "uint8.onnx")
                made[name, "int8-signed-activations"] = folder / "signed.onnx"
                write_signed_activations(net.path, folder, folder / "signed.onnx")
        return made[name, form]

    make.nets = nets
    return make


@pytest.fixture(scope="session")
def built(form_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, Precision], Case]:
    """`built(graph, backend, precision)`."""
    cases: dict[tuple[str, str, str], Case] = {}

    def make(graph: str, backend: str, precision: Precision) -> Case:
        key = (graph, backend, precision)
        if key not in cases:
            source = form_of(graph, get_backend(backend).forms[precision])
            folder = tmp_path_factory.mktemp("built")
            get_backend(backend).build(source, precision, folder, ENGINE)
            cases[key] = Case(form_of.nets[graph], backend, precision, folder)
        return cases[key]

    return make
