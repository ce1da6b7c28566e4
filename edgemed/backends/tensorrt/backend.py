"""TensorRt: the backend. An artefact is the graph, the engines built of it, and what was asked for."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgemed.backends.backend import Alike, Availability, Backend, Executor, Form
from edgemed.backends.onnxruntime import load_as_written
from edgemed.backends.tensorrt.builder import build_engine, check_graph
from edgemed.backends.tensorrt.engines import ENGINES_FILE, GRAPH_FILE, read_engines
from edgemed.backends.tensorrt.find_engine import find_engine
from edgemed.backends.tensorrt.gpu import Gpu, find_gpu
from edgemed.backends.tensorrt.package import installed_version, remedy
from edgemed.errors import ToolFailure, Unavailable
from edgemed.types import EngineList, EnginePackage, EngineSpec, Precision

_PACKAGES: tuple[EnginePackage, ...] = ("tensorrt", "tensorrt-rtx")


class TensorRt(Backend):
    name = "tensorrt"
    forms: Mapping[Precision, Form] = {
        "fp32": "float",
        "fp16": "float16",
        "int8": "int8-signed-activations",
    }

    stand_in = "onnxruntime, every node by itself"

    def availability(self) -> Availability:
        """Its version tells the GPU and its driver too: what is built and answered depends on them."""
        versions = [f"{each} {installed_version(each)}" for each in _PACKAGES if installed_version(each)]
        if not versions:
            return Availability("", ("tensorrt or tensorrt-rtx",), remedy("tensorrt-rtx"))
        with contextlib.suppress(Unavailable):
            gpu = find_gpu()
            versions += [f"GPU {gpu.compute_capability}", f"driver {gpu.driver}"]
        return Availability(", ".join(versions))

    def cannot_build(self, engine: EngineSpec | None, opset: int | None = None) -> str:
        if engine is None:
            return "the target has no [tensorrt] table: it names the GPUs that engines are built for"
        if engine.package == "tensorrt-rtx" and not installed_version("tensorrt-rtx"):
            return f"tensorrt-rtx is not installed: {remedy('tensorrt-rtx')}"
        if opset is not None and opset > engine.opset:
            return f"the graph has opset {opset}; the parser of the target's TensorRT reads {engine.opset}"
        return ""

    def cannot_run(self, engine: EngineSpec | None) -> str:
        if engine is not None:
            version = installed_version(engine.package)
            if not version:
                return f"{engine.package} is not installed here"
            if not engine.takes(version):
                return f"{engine.package} {version} is here, the target has {engine.versions}"
        try:
            gpu = find_gpu()
        except Unavailable as error:
            return error.problem
        if engine is not None and gpu.compute_capability not in engine.compute_capabilities:
            return f"the GPU here has compute capability {gpu.compute_capability}"
        return ""

    def precisions(self, instruction_sets: frozenset[str]) -> tuple[Precision, ...]:
        return ("fp32", "fp16", "int8")

    def golden_tolerance(self, precision: Precision, alike: Alike = "sets") -> float:
        return {"fp32": 1e-3, "fp16": 2e-2, "int8": 2e-2}[precision]

    def build(
        self, source: Path, precision: Precision, folder: Path, engine: EngineSpec | None = None
    ) -> None:
        """The graph and its engines: for each compute capability, or by `tensorrt` for the GPU here.

        Where that package or such a GPU is missing, a kit: the graph and how the board is to build it.
        """
        if engine is None:
            raise ToolFailure("the target has no [tensorrt] table", where=self.name)
        graph = folder / GRAPH_FILE
        shutil.copyfile(source, graph)
        notes = _parsed(graph, engine.package)
        if engine.package == "tensorrt-rtx":
            targets = [Gpu(each, "") for each in engine.compute_capabilities]
        else:
            targets = [] if self.cannot_run(engine) else [find_gpu()]
        engines = tuple(build_engine(graph, engine.package, gpu, folder / _file(gpu)) for gpu in targets)
        listed = EngineList(engine, engines, notes)
        (folder / ENGINES_FILE).write_text(listed.to_json(), encoding="utf-8")

    def build_timeout_s(self, engine: EngineSpec | None) -> float:
        """tensorrt-rtx 1.7.1 never finishes some recurrent nets, and takes a GiB a minute."""
        rtx = engine is not None and engine.package == "tensorrt-rtx"
        return 300.0 if rtx else super().build_timeout_s(engine)

    def notes(self, folder: Path) -> tuple[str, ...]:
        """What the front end said of the graph, and whether it is the engine's own."""
        return read_engines(folder).notes

    def load(self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int) -> Executor:
        from edgemed.backends.tensorrt.executor import TensorRtExecutor

        found = find_engine(folder, find_gpu())
        return TensorRtExecutor(found.path, found.engine.package, outputs)

    def load_stand_in(
        self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int
    ) -> Executor:
        """The very graph that engines are built from, in ONNX Runtime, every node by itself."""
        return load_as_written(folder / GRAPH_FILE, outputs, threads)

    def executed_layers(
        self, folder: Path, precision: Precision, inputs: Mapping[str, NDArray[Any]]
    ) -> list[tuple[str, str, str]]:
        """From the builder's table of the first engine; a kit has none."""
        engines = read_engines(folder).engines
        return list(engines[0].layers) if engines else []


def _file(gpu: Gpu) -> str:
    return f"sm{gpu.compute_capability.replace('.', '')}.engine"


def _parsed(graph: Path, package: EnginePackage) -> tuple[str, ...]:
    """What a front end that is here warns of, and whether it is the engine's own."""
    if installed_version(package):
        return check_graph(graph, package)
    version = installed_version("tensorrt-rtx")
    if not version:
        return (f"no front end has parsed the graph: neither {package} nor tensorrt-rtx is installed here",)
    foreign = f"parsed by tensorrt-rtx {version}, not by the board's TensorRT"
    return (foreign, *check_graph(graph, "tensorrt-rtx"))
