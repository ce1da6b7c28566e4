"""OpenVINO on CPUs. The arithmetic is pinned: OpenVINO may choose bf16 where f32 was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.backends.backend import Alike, Availability, Backend, Executor, Form
from edgemed.errors import ToolFailure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.types import EngineSpec, Precision

_FILE = "model.xml"
_PRECISION_NAMES = {
    "f32": "fp32",
    "f16": "fp16",
    "u8": "int8",
    "i8": "int8",
    "FP32": "fp32",
    "I8": "int8",
    "U8": "int8",
}
_ARITHMETIC: Mapping[Precision, str] = {"fp32": "f32", "fp16": "f32", "bf16": "bf16", "int8": "f32"}


class OpenVino(Backend):
    name = "openvino"
    forms: Mapping[Precision, Form] = {
        "fp32": "float",
        "fp16": "float",
        "bf16": "float",
        "int8": "int8-openvino",
    }

    def availability(self) -> Availability:
        missing = Availability("", ("openvino",), "pip install 'edgemed[openvino]'")
        if not self.is_installed():
            return missing
        from importlib import metadata

        try:
            return Availability(metadata.version("openvino"))
        except metadata.PackageNotFoundError:
            return missing

    def is_installed(self) -> bool:
        return find_spec("openvino") is not None

    def precisions(self, instruction_sets: frozenset[str]) -> tuple[Precision, ...]:
        has_bf16 = bool(instruction_sets & {"avx512_bf16", "amx_bf16", "bf16"})
        return ("fp32", "fp16", "bf16", "int8") if has_bf16 else ("fp32", "fp16", "int8")

    def golden_tolerance(self, precision: Precision, alike: Alike = "sets") -> float:
        """On ARM it fuses int8 otherwise than on x86: chest X-ray golden cases came out 0.022 apart."""
        int8 = {"sets": 1e-4, "arch": 1e-2, "nothing": 3e-2}[alike]
        return {"fp32": 1e-4, "fp16": 1e-4, "bf16": 2e-2, "int8": int8}[precision]

    def build(
        self, source: Path, precision: Precision, folder: Path, engine: EngineSpec | None = None
    ) -> None:
        import openvino as ov

        try:
            model = ov.Core().read_model(source)
            ov.save_model(model, folder / _FILE, compress_to_fp16=precision == "fp16")
        except RuntimeError as error:
            raise ToolFailure(f"OpenVINO cannot take the graph: {_gist(error)}", where=source.name) from None

    def load(self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int) -> Executor:
        return _OpenVinoExecutor(_compile(folder, precision, threads), outputs)

    def executed_layers(
        self, folder: Path, precision: Precision, inputs: Mapping[str, NDArray[Any]]
    ) -> list[tuple[str, str, str]]:
        layers = []
        for op in _compile(folder, precision, threads=1).get_runtime_model().get_ordered_ops():
            facts = {key: str(value.astype(str)) for key, value in op.get_rt_info().items()}
            kind = facts.get("layerType", op.get_type_name())
            if kind not in ("Input", "Output", "Const", "Parameter", "Result"):
                shown = facts.get("runtimePrecision", "")
                layers.append((op.get_friendly_name(), kind, _PRECISION_NAMES.get(shown, shown)))
        return layers


class _OpenVinoExecutor:
    """Runs one sample at a time: compiled for a batch of 1, small nets are up to a fifth faster."""

    def __init__(self, compiled: Any, outputs: tuple[str, ...]) -> None:
        self.inputs = [port.get_names() for port in compiled.inputs]
        self.outputs = [port.get_names() for port in compiled.outputs]
        self._request = compiled.create_infer_request()
        self._places = {name: index for index, names in enumerate(self.inputs) for name in names}
        given = {name: index for index, names in enumerate(self.outputs) for name in names}
        self._positions = [given[name] for name in outputs if name in given]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        indexed = [(self._places[name], array) for name, array in inputs.items()]
        rows = [self._answer(indexed, row) for row in range(len(indexed[0][1]))]
        return rows[0] if len(rows) == 1 else [np.concatenate(parts) for parts in zip(*rows, strict=True)]

    def _answer(self, indexed: list[tuple[int, NDArray[Any]]], row: int) -> list[NDArray[Any]]:
        request = self._request
        request.infer({index: array[row : row + 1] for index, array in indexed}, share_inputs=True)
        return [np.array(request.get_output_tensor(position).data) for position in self._positions]


def _compile(folder: Path, precision: Precision, threads: int) -> Any:
    import openvino as ov

    properties = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": _ARITHMETIC[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    core = ov.Core()
    try:
        model = core.read_model(folder / _FILE)
        model.reshape({port: [1, *list(port.partial_shape)[1:]] for port in model.inputs})
        return core.compile_model(model, "CPU", properties)
    except RuntimeError as error:
        raise ToolFailure(f"OpenVINO cannot compile the model: {_gist(error)}", where=_FILE) from None


def _gist(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[-2:])[:400]
