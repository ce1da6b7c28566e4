"""What a runtime has to offer to edgemed, on the host (`build`) and on the device (`load`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from edgemed.types import Precision

Form = Literal["float", "float16", "int8-uint8-activations", "int8-openvino"]
"""How a graph is written for a runtime: each form from one float graph and one set of scales.

- float: the ONNX graph in fp32.
- float16: ONNX with fp16 weights and arithmetic, fp32 inputs and outputs.
- int8-uint8-activations: ONNX Q/DQ, uint8 activations, int8 weights per channel, a Quantize node behind every
  quantised layer (what onnxruntime's x86 and ARM kernels fuse).
- int8-openvino: OpenVINO IR as NNCF writes it.
"""


@dataclass(frozen=True)
class Availability:
    """Whether a backend can be used here; when it cannot, `missing` names what is missing."""

    version: str
    missing: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def available(self) -> bool:
        return not self.missing


class Executor(Protocol):
    """A loaded artefact."""

    @property
    def inputs(self) -> Sequence[Collection[str]]:
        """Names of each input of the loaded graph; a runtime may know one by several."""
        ...

    @property
    def outputs(self) -> Sequence[Collection[str]]:
        """Names of each output of the loaded graph."""
        ...

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Batched arrays by input name, strided or not, to the outputs in the order that `load` was given.

        Raises `RuntimeError` where the runtime fails.
        """
        ...


class Backend(Protocol):
    """One runtime. Stateless; everything heavy is imported inside the methods."""

    name: str
    forms: Mapping[Precision, Form]
    """The form in which each precision reaches this runtime; a precision left out is not offered."""

    def availability(self) -> Availability: ...

    def precisions(self, instruction_sets: frozenset[str]) -> tuple[Precision, ...]:
        """Precisions that this runtime can execute on a CPU with these instruction sets."""
        ...

    def golden_tolerance(self, precision: Precision) -> float:
        """Largest difference of a probability that replaying golden cases on another machine may show."""
        ...

    def build(self, source: Path, precision: Precision, folder: Path) -> None:
        """Compile `source` (in this precision's form) into files under `folder`."""
        ...

    def load(self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int) -> Executor:
        """Load what `build` wrote. Raises `ToolFailure` where the runtime cannot.

        The caller compares `outputs` with the executor's.
        """
        ...

    def executed_layers(
        self, folder: Path, precision: Precision, inputs: Mapping[str, NDArray[Any]]
    ) -> list[tuple[str, str, str]]:
        """(name, op, precision) of the layers as this runtime executes them, after its own fusions."""
        ...
