"""`file.py:factory` + weights: the user's own Python builds the model, a file of tensors fills it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.errors import BadInput
from edgemed.sources.digest import source_digest
from edgemed.sources.torch_model import TorchModel
from edgemed.sources.torch_program import blame, check_tensors, quiet
from edgemed.sources.weights import load_weights
from edgemed.types import InputSpec, ModelSpec, did_you_mean
from edgemed.user_code import import_remedy, no_exit, run_file

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram


class Factory(TorchModel):
    """A torch module from `factory(**factory_args)`, in eval mode and float32."""

    kind = "factory"

    def __init__(self, spec: ModelSpec, base: Path) -> None:
        source, _, _ = spec.source.partition(":")
        self.shown = spec.source
        own = (base / source).resolve()
        self._own = own
        if spec.weights is None:
            raise BadInput(
                "a factory needs trained weights",
                where="model.weights",
                remedy="give a .safetensors file, or a .pt file of model.state_dict()",
            )
        self.digest = source_digest(spec, base)
        self._module = self._build(own, spec)
        load_weights(self._module, base / spec.weights, spec.weights)
        self._module.float().eval()
        self.parameters = check_tensors(self._module, spec.weights)

    def module(self) -> torch.nn.Module:
        return self._module

    def input_specs(self) -> tuple[InputSpec, ...] | None:
        return None

    def input_names(self) -> tuple[str, ...]:
        """The parameters of forward that have no default."""
        fixed = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        parameters = inspect.signature(self._module.forward).parameters.values()
        names = tuple(p.name for p in parameters if p.default is p.empty and p.kind not in fixed)
        if not names:
            raise BadInput(
                "forward names no inputs",
                where=self.shown,
                remedy="write forward(self, image), not forward(*x)",
            )
        return names

    def _build(self, own: Path, spec: ModelSpec) -> torch.nn.Module:
        import torch

        source, _, factory = spec.source.partition(":")

        try:
            module = run_file(own)
        except Exception as error:
            raise self._refusal(error, f"{source} cannot be imported") from error
        make = getattr(module, factory, None)
        if not callable(make):
            known = [name for name, value in vars(module).items() if callable(value)]
            raise BadInput(
                f"{source} has no function {factory!r}",
                where="model.source",
                remedy=did_you_mean(factory, known),
            )
        try:
            with no_exit():
                model = make(**spec.factory_args)
        except Exception as error:
            raise self._refusal(error, f"{factory}({', '.join(spec.factory_args)}) failed") from error
        if not isinstance(model, torch.nn.Module):
            raise BadInput(
                f"{factory} returned a {type(model).__name__}, not a torch.nn.Module", where=self.shown
            )
        return model

    def _refusal(self, error: Exception, what: str) -> BadInput:
        remedy = import_remedy(error, self.shown.partition(":")[0])
        remedy = remedy or "mend the line above; it is run as part of the model's file"
        return blame(error, self.shown, self._own, what, remedy)

    def _program(self, tensors: dict[str, torch.Tensor]) -> ExportedProgram:
        import torch

        batch = torch.export.Dim("batch")
        try:
            with quiet(), torch.no_grad():
                return torch.export.export(
                    self._module,
                    (),
                    dict(tensors),
                    dynamic_shapes={name: {0: batch} for name in tensors},
                    strict=False,
                )
        except Exception as error:
            remedy = "write data-dependent branches with torch.where, and take sizes from x.shape"
            what = "torch.export cannot follow the model"
            raise blame(error, self.shown, self._own, what, remedy) from error

    def _call(self, tensors: dict[str, torch.Tensor]) -> Any:
        return self._module(**tensors)
