"""What a runtime has to offer to edgemed, on the host (`build`) and on the device (`load`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from edgemed.errors import Unavailable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.types import EngineSpec, Precision

Form = Literal["float", "float16", "int8-uint8-activations", "int8-signed-activations", "int8-openvino"]
"""How a graph is written for a runtime: each form from one float graph and one set of scales.

- float: the ONNX graph in fp32.
- float16: ONNX with fp16 weights and arithmetic, fp32 inputs and outputs.
- int8-uint8-activations: ONNX Q/DQ, uint8 activations, int8 weights per channel, a Quantize node behind every
  quantised layer (what onnxruntime's x86 and ARM kernels fuse).
- int8-signed-activations: ONNX Q/DQ, int8 activations and weights, zero points 0, float bias: what TensorRT
  takes, which would read uint8 as int8 and clip.
- int8-openvino: OpenVINO IR as NNCF writes it.
"""

Alike = Literal["sets", "arch", "nothing"]


class Availability(NamedTuple):
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
    """One runtime. Stateless; everything heavy is imported inside the methods.

    Derive from it: what a runtime of the CPU at hand need not say for itself is said here.
    """

    name: str
    forms: Mapping[Precision, Form]
    """The form in which each precision reaches this runtime; a precision left out is not offered."""

    def availability(self) -> Availability:
        """Whether an artefact can be loaded here."""
        ...

    def is_installed(self) -> bool:
        """Whether its package is here: what is quickly known of `availability`."""
        return self.availability().available

    def cannot_build(self, engine: EngineSpec | None, opset: int | None = None) -> str:
        """Why this machine cannot build for a target with such engines; empty where it can.

        `opset` is the graph's, None while it is not known.
        """
        return self._missing()

    def cannot_run(self, engine: EngineSpec | None) -> str:
        """Why this machine cannot execute what is built for such engines; empty where it can."""
        return self._missing()

    def _missing(self) -> str:
        found = self.availability()
        return "" if found.available else f"{self.name} is not installed: {found.remedy}"

    def precisions(self, instruction_sets: frozenset[str]) -> tuple[Precision, ...]:
        """Precisions that this runtime can execute on a CPU with these instruction sets."""
        ...

    def golden_tolerance(self, precision: Precision, alike: Alike = "sets") -> float:
        """Largest difference of a probability that replaying golden cases on another machine may show.

        Its processor is `alike` in its instruction sets, in its architecture alone, or in nothing. Where sets
        differ, the last bit of a float may turn a rounding over, and an int8 value moves by a whole step.
        """
        ...

    def build(
        self, source: Path, precision: Precision, folder: Path, engine: EngineSpec | None = None
    ) -> None:
        """Compile `source` (in this precision's form) into files under `folder`.

        `engine` is what a target asks of a GPU's runtime. Raises `ToolFailure`.
        """
        ...

    def load(self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int) -> Executor:
        """Load what `build` wrote. Raises `ToolFailure` where the runtime cannot.

        The caller compares `outputs` with the executor's.
        """
        ...

    def build_timeout_s(self, engine: EngineSpec | None) -> float:
        """A build for a target with such engines that takes longer hangs."""
        return 1200.0

    def notes(self, folder: Path) -> tuple[str, ...]:
        """What `build` found that whoever compiles must know, from what it wrote into `folder`."""
        return ()

    stand_in: str = ""
    """What `load_stand_in` executes with, for the manifest."""

    def load_stand_in(
        self, folder: Path, precision: Precision, outputs: tuple[str, ...], threads: int
    ) -> Executor:
        """What gives the artefact's answers where its hardware is missing: for judging, never on a device."""
        raise Unavailable(f"{self.name} has no stand-in", where=str(folder))

    def executed_layers(
        self, folder: Path, precision: Precision, inputs: Mapping[str, NDArray[Any]]
    ) -> list[tuple[str, str, str]]:
        """(name, op, precision) of the layers as this runtime executes them, after its own fusions."""
        ...
