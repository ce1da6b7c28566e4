"""TorchModel: what `.pt2` files and factories share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.sources.normalise import normalise, write
from edgemed.sources.parity import random_batch
from edgemed.sources.torch_program import blame, layers_of, named_outputs, to_onnx, to_tensor
from edgemed.sources.trained import Layer, TrainedModel
from edgemed.types import InputSpec

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

EXAMPLE_BATCH = 2
"""torch.export takes a batch of 0 or 1 for a constant."""


class TorchModel(TrainedModel):
    """A model that torch runs. `_own`: the user's source file, for error messages."""

    _own: Path | None = None
    _decomposed: tuple[ExportedProgram, tuple[str, ...]]

    @abstractmethod
    def _program(self, tensors: dict[str, torch.Tensor]) -> ExportedProgram:
        """The program with a symbolic batch; `tensors` are examples, in the order of `input_names`."""

    @abstractmethod
    def _call(self, tensors: dict[str, torch.Tensor]) -> Any:
        """What forward returns."""

    def output_names(self, inputs: Sequence[InputSpec]) -> tuple[str, ...]:
        return named_outputs(self._checked_call(self._example(inputs)), self.shown)[0]

    def export(self, inputs: Sequence[InputSpec], out: Path) -> None:
        tensors = self._example(inputs)
        names, _ = named_outputs(self._checked_call(tensors), self.shown)
        program = self._program(tensors)
        _check_batch_axis(program, names, self.shown)
        model, decomposed = to_onnx(program, self.input_names(), names, self.shown, self._own)
        self._decomposed = decomposed, names
        self._widen(model)
        write(normalise(model, inputs, self.shown), out)

    def predict(self, batch: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        tensors = {name: to_tensor(batch[name]) for name in self.input_names()}
        return named_outputs(self._checked_call(tensors), self.shown)[1]

    def layers(self, batch: dict[str, NDArray[Any]]) -> Iterator[Layer]:
        tensors = {name: to_tensor(batch[name]) for name in self.input_names()}
        program, names = self._decomposed
        return layers_of(program, names, list(tensors.values()), self.shown, self._own)

    def _example(self, inputs: Sequence[InputSpec]) -> dict[str, torch.Tensor]:
        batch = random_batch(inputs, EXAMPLE_BATCH, seed=0)
        return {name: to_tensor(batch[name]) for name in self.input_names()}

    def _checked_call(self, tensors: dict[str, torch.Tensor]) -> Any:
        import torch

        try:
            with torch.no_grad():
                return self._call(tensors)
        except Exception as error:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in tensors.items())
            remedy = f"check shape and steps under [inputs.{next(iter(tensors))}]: layout, resize, channels"
            what = f"the model does not run on {shapes}"
            raise blame(error, self.shown, self._own, what, remedy) from error


def _check_batch_axis(program: ExportedProgram, names: tuple[str, ...], where: str) -> None:
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    for name, node in zip(names, program.graph_signature.user_outputs, strict=False):
        value = values.get(str(node))
        shape = getattr(value, "shape", None)
        if shape is None:
            continue
        if len(shape) == 0 or isinstance(shape[0], int):
            raise BadInput(
                f"output {name} has shape {[str(size) for size in shape]}: its first axis is not the batch",
                where=where,
                remedy="return one row per sample: x.flatten(1), not x.view(2, -1), no hidden state",
            )
