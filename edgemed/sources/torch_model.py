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
from edgemed.sources.torch_program import layers_of, named_outputs, to_onnx, to_tensor
from edgemed.sources.trained import Layer, TrainedModel
from edgemed.types import InputSpec, did_you_mean

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

EXAMPLE_BATCH = 2
"""torch.export takes a batch of 0 or 1 for a constant."""


class TorchModel(TrainedModel):
    """A model that torch runs. `_own`: the user's source file, for error messages."""

    _own: Path | None = None
    _decomposed: tuple[ExportedProgram, tuple[str, ...]] | None = None

    @abstractmethod
    def _program(self, tensors: dict[str, torch.Tensor]) -> ExportedProgram:
        """The program with a symbolic batch; `tensors` are examples, in the order of `input_names`."""

    @abstractmethod
    def _call(self, tensors: dict[str, torch.Tensor]) -> Any:
        """What forward returns."""

    def export(self, inputs: Sequence[InputSpec], out: Path) -> None:
        inputs = self._in_order(inputs)
        example = random_batch(inputs, EXAMPLE_BATCH, seed=0)
        tensors = {name: to_tensor(value) for name, value in example.items()}
        names, _ = named_outputs(self._checked_call(tensors), self.shown)
        program = self._program(tensors)
        _check_batch_axis(program, names, self.shown)
        model, decomposed = to_onnx(program, self.input_names(), names, self.shown, self._own)
        self._decomposed = decomposed, names
        write(normalise(model, inputs, self.shown), out)

    def predict(self, batch: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        tensors = {name: to_tensor(batch[name]) for name in self.input_names()}
        return named_outputs(self._checked_call(tensors), self.shown)[1]

    def layers(self, batch: dict[str, NDArray[Any]]) -> Iterator[Layer]:
        tensors = {name: to_tensor(batch[name]) for name in self.input_names()}
        if self._decomposed is None:
            names, _ = named_outputs(self._checked_call(tensors), self.shown)
            example = {name: value[:1].repeat_interleave(EXAMPLE_BATCH, 0) for name, value in tensors.items()}
            program = self._program(example)
            self._decomposed = (
                to_onnx(program, self.input_names(), names, self.shown, self._own)[1],
                names,
            )
        program, names = self._decomposed
        return layers_of(program, names, list(tensors.values()), self.shown, self._own)

    def _checked_call(self, tensors: dict[str, torch.Tensor]) -> Any:
        import torch

        from edgemed.sources.torch_program import blame

        try:
            with torch.no_grad():
                return self._call(tensors)
        except Exception as error:
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in tensors.items())
            refusal = blame(error, self.shown, self._own, f"the model does not run on {shapes}")
            remedy = f"check shape and steps under [inputs.{next(iter(tensors))}]: layout, resize, channels"
            raise BadInput(refusal.problem, where=refusal.where, remedy=remedy) from error

    def _in_order(self, inputs: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
        names = self.input_names()
        given = {spec.name: spec for spec in inputs}
        for name in given:
            if name not in names:
                raise BadInput(
                    f"the model has no input {name!r}",
                    where=f"inputs.{name}",
                    remedy=did_you_mean(name, names),
                )
        for name in names:
            if name not in given:
                raise BadInput(
                    f"input {name!r} of the model has no shape",
                    where=self.shown,
                    remedy=f"write [inputs.{name}] with shape and dtype into the recipe",
                )
        return tuple(given[name] for name in names)


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
