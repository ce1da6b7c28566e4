"""TrainedModel: what every source gives, whatever it was loaded from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.sources.float16 import NOTE, ROUNDING, widen_float16
from edgemed.types import InputSpec

if TYPE_CHECKING:
    import torch

Source = Literal["torch.export", "factory", "onnx"]

LARGEST_BYTES = 2**31 - 1
"""Protobuf's limit for one ONNX file with its weights inside; larger models are not supported."""


@dataclass(frozen=True)
class Layer:
    """The value that one layer of the original computed. `line` is the user's source line, if known."""

    name: str
    value: NDArray[Any]
    line: str = ""


class TrainedModel(ABC):
    """A trained classifier as its author left it.

    `digest`: sha256 over source file, weights and factory arguments. `parameters`: number of trained values.
    `shown`: the source as the user wrote it. `notes`: what was changed on the way in, for the report.
    `rounding`: how many times the parity check's tolerance the original's own arithmetic takes.
    """

    kind: Source
    digest: str
    parameters: int
    shown: str
    notes: tuple[str, ...] = ()
    rounding: float = 1.0

    def module(self) -> torch.nn.Module:
        """The torch module itself: what is done to it, is exported. Raises `BadInput` where there is none."""
        raise BadInput(
            f"pruning changes a torch module, and {self.shown} holds none",
            where="prune",
            remedy="give file.py:factory and its weights (-m model.py:build -w model.safetensors)",
        )

    @abstractmethod
    def input_specs(self) -> tuple[InputSpec, ...] | None:
        """The float32 tensors the model takes, without batch axis; None where shapes are not known."""

    @abstractmethod
    def input_names(self) -> tuple[str, ...]:
        """The names of the inputs, in the model's order."""

    @abstractmethod
    def output_names(self, inputs: Sequence[InputSpec]) -> tuple[str, ...]:
        """The names of the outputs, in the exported file's order.

        A model that does not store them is run once on a random sample of `inputs`; raises `BadInput` where
        it cannot.
        """

    @abstractmethod
    def export(self, inputs: Sequence[InputSpec], out: Path) -> None:
        """Write one normalised ONNX file: opset 18 to 20, IR 10, first axis `batch` everywhere.

        `inputs` has one spec for each of `input_names`.
        Raises `BadInput` where the model cannot be exported with a symbolic batch axis.
        """

    @abstractmethod
    def predict(self, batch: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        """Run the original on float32 arrays with a batch axis; outputs in the exported file's order."""

    @abstractmethod
    def layers(self, batch: dict[str, NDArray[Any]]) -> Iterator[Layer]:
        """Every value that the original computes on its way, named as in the file that `export` wrote."""

    def _widen(self, model: Any) -> None:
        """Bring what is float16 in the ONNX `model` to float32, and say so."""
        if widen_float16(model):
            self.rounding = ROUNDING
            if NOTE not in self.notes:
                self.notes += (NOTE,)
