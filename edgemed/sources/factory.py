"""`file.py:factory` + weights: the user's own Python builds the model, a file of tensors fills it."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from edgemed.errors import BadInput
from edgemed.sources.digest import source_digest
from edgemed.sources.torch_model import TorchModel
from edgemed.sources.torch_program import blame, check_tensors, quiet
from edgemed.sources.weights import load_weights
from edgemed.types import InputSpec, ModelSpec, did_you_mean

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
        self._module = self._build(own.read_bytes(), own, spec)
        load_weights(self._module, base / spec.weights, spec.weights)
        self._module.float().eval()
        self.parameters = check_tensors(self._module, spec.weights)

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

    def _build(self, code: bytes, own: Path, spec: ModelSpec) -> torch.nn.Module:
        import torch

        source, _, factory = spec.source.partition(":")

        try:
            module = _run_file(code, own)
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
            model = make(**spec.factory_args)
        except Exception as error:
            raise self._refusal(error, f"{factory}({', '.join(spec.factory_args)}) failed") from error
        if not isinstance(model, torch.nn.Module):
            raise BadInput(
                f"{factory} returned a {type(model).__name__}, not a torch.nn.Module", where=self.shown
            )
        return model

    def _refusal(self, error: Exception, what: str) -> BadInput:
        refusal = blame(error, self.shown, self._own, what)
        remedy = "mend the line above; it is run as part of the model's file"
        if isinstance(error, ModuleNotFoundError):
            file = self.shown.partition(":")[0]
            remedy = (
                f"install {error.name}; where it is a file of yours, run with PYTHONPATH=FOLDER (the folder "
                f"that it lies in) or put everything into {file}: the folder of {file} is not searched"
            )
        return BadInput(refusal.problem, where=refusal.where, remedy=remedy)

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
            raise blame(error, self.shown, self._own, "torch.export cannot follow the model") from error

    def _call(self, tensors: dict[str, torch.Tensor]) -> Any:
        return self._module(**tensors)


def _run_file(code: bytes, path: Path) -> ModuleType:
    """Run a file as a module of its own name: `sys.path` is not touched, so `nt.py` hides nothing."""
    name = f"edgemed_model_{hashlib.sha256(str(path).encode() + code).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        exec(compile(code, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module
