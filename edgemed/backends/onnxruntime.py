"""ONNX Runtime on CPUs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.backends.backend import Alike, Availability, Backend, Executor, Form
from edgemed.errors import ToolFailure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.types import EngineSpec, Precision

_FILE = "model.onnx"


class OnnxRuntime(Backend):
    name = "onnxruntime"
    forms: Mapping[Precision, Form] = {
        "fp32": "float",
        "fp16": "float16",
        "int8": "int8-uint8-activations",
    }

    def availability(self) -> Availability:
        missing = Availability("", ("onnxruntime",), "pip install 'edgemed[onnxruntime]'")
        if not self.is_installed():
            return missing
        from importlib import metadata

        try:
            return Availability(metadata.version("onnxruntime"))
        except metadata.PackageNotFoundError:
            pass
        try:
            from onnxruntime import __version__  # onnxruntime-gpu and others hold the same module
        except ImportError:
            return missing
        return Availability(__version__)

    def is_installed(self) -> bool:
        return find_spec("onnxruntime") is not None

    def precisions(self, instruction_sets: frozenset[str]) -> tuple[Precision, ...]:
        return ("fp32", "fp16", "int8")

    def golden_tolerance(self, precision: Precision, alike: Alike = "sets") -> float:
        return {"fp32": 1e-4, "fp16": 2e-2, "int8": 1e-4 if alike == "sets" else 1e-2}[precision]

    def build(
        self, source: Path, precision: Precision, folder: Path, engine: EngineSpec | None = None
    ) -> None:
        import shutil

        shutil.copyfile(source, folder / _FILE)

    def load(self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int) -> Executor:
        return _OnnxRuntimeExecutor(_session(folder / _FILE, _options(threads)), outputs)

    def executed_layers(
        self, folder: Path, precision: Precision, inputs: Mapping[str, NDArray[Any]]
    ) -> list[tuple[str, str, str]]:
        import json
        import tempfile

        import onnxruntime as ort

        with tempfile.TemporaryDirectory(prefix="edgemed-") as scratch:
            options = ort.SessionOptions()
            options.enable_profiling = True
            options.log_severity_level = 3
            options.profile_file_prefix = str(Path(scratch) / "profile")
            session = _session(folder / _FILE, options)
            _OnnxRuntimeExecutor(session, None).run(inputs)
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        return [
            (event["name"].removesuffix("_kernel_time"), event["args"]["op_name"], _precision(event["args"]))
            for event in events
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
        ]


def load_as_written(graph: Path, outputs: tuple[str, ...], threads: int) -> Executor:
    """Every node of `graph` by itself, as the ONNX standard defines it: Q/DQ and the layers between in float.

    So int8 sums cannot saturate, whatever this CPU is. Raises `ToolFailure` where onnxruntime cannot load it.
    """
    import onnxruntime as ort

    options = _options(threads)
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return _OnnxRuntimeExecutor(_session(graph, options), outputs)


def _options(threads: int) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # threads that spin after a run take a core from whatever is timed, or works, next
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _precision(args: Mapping[str, Any]) -> str:
    types = {name for entry in args.get("input_type_shape", []) for name in entry}
    for name, shown in (("uint8", "int8"), ("int8", "int8"), ("float16", "fp16"), ("float", "fp32")):
        if name in types:
            return shown
    return "/".join(sorted(types))


def _session(graph: Path, options: Any) -> Any:
    import onnxruntime as ort

    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        gist = str(error).replace(f"{graph.parent}/", "")
        raise ToolFailure(f"onnxruntime cannot load the model: {gist}", where=graph.name) from None


def _failures() -> tuple[type[Exception], ...]:
    """What onnxruntime raises: classes with no common base but `Exception`."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = (each for each in vars(state).values() if isinstance(each, type) and issubclass(each, Exception))
    return RuntimeError, *own


class _OnnxRuntimeExecutor:
    def __init__(self, session: Any, outputs: tuple[str, ...] | None) -> None:
        self.inputs = [(each.name,) for each in session.get_inputs()]
        self.outputs = [(each.name,) for each in session.get_outputs()]
        self._run = session.run
        self._wanted = None if outputs is None else list(outputs)
        self._failures = _failures()

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        try:
            result: list[NDArray[Any]] = self._run(self._wanted, inputs)
        except self._failures as error:
            raise RuntimeError(str(error)) from None
        return result
