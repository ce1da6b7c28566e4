"""`.pt2`: a program that torch.export.save wrote."""

from __future__ import annotations

import ast
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.errors import BadInput
from edgemed.sources.digest import source_digest
from edgemed.sources.torch_model import TorchModel
from edgemed.sources.torch_program import check_tensors, named_outputs, quiet
from edgemed.sources.trained import LARGEST_BYTES
from edgemed.types import InputSpec, ModelSpec

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

DYNAMIC = (
    "export it with a symbolic batch: torch.export.export(model, args, "
    "dynamic_shapes={'x': {0: torch.export.Dim('batch')}}) and an example batch of 2"
)
SIZE_SYNTAX = (
    ast.Expression,
    ast.Call,
    ast.Name,
    ast.Constant,
    ast.keyword,
    ast.BinOp,
    ast.UnaryOp,
    ast.Compare,
    ast.operator,
    ast.unaryop,
    ast.cmpop,
    ast.Load,
)


class Exported(TorchModel):
    """A saved torch.export program: graph and weights in one file, no Python source needed."""

    kind = "torch.export"

    def __init__(self, source: str, base: Path) -> None:
        path = base / source
        self.shown = source
        self.digest = source_digest(ModelSpec(source), base)
        _check_archive(path, source)
        self._exported = _load(path, source)
        _check_inference(self._exported, source)
        with quiet():
            self._module = self._exported.module(check_guards=False)
        self.parameters = check_tensors(self._module, source)
        self._values = _user_inputs(self._exported, source)

    def input_specs(self) -> tuple[InputSpec, ...] | None:
        specs = []
        for name, value in self._values.items():
            if not all(isinstance(size, int) for size in value.shape[1:]):
                return None
            specs.append(InputSpec(name, "float32", tuple(value.shape[1:])))
        return tuple(specs)

    def input_names(self) -> tuple[str, ...]:
        return tuple(self._values)

    def output_names(self, inputs: Sequence[InputSpec]) -> tuple[str, ...]:
        """From the program's own output tree; nothing is run."""
        import torch
        from torch.utils import _pytree as pytree

        leaves = [
            torch.empty(0) if isinstance(each, str) else each
            for each in self._exported.graph_signature.user_outputs
        ]
        return named_outputs(pytree.tree_unflatten(leaves, self._exported.call_spec.out_spec), self.shown)[0]

    def _program(self, tensors: dict[str, torch.Tensor]) -> ExportedProgram:
        return self._exported

    def _call(self, tensors: dict[str, torch.Tensor]) -> Any:
        from torch.utils import _pytree as pytree

        args, kwargs = pytree.tree_unflatten(list(tensors.values()), self._exported.call_spec.in_spec)
        return self._module(*args, **kwargs)


def _check_archive(path: Path, shown: str) -> None:
    """Refuse, before torch opens it, what makes torch run code: pickles, libraries, odd expressions."""
    import torch

    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BYTES:
                raise BadInput(f"{shown} is larger than 2 GB unpacked", where="model.source")
            names = archive.namelist()
            contents = {name: archive.read(name) for name in names if name.endswith((".json", ".pt"))}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError) as error:
        raise BadInput(
            f"{shown} is truncated or not a .pt2 file ({error})", where="model.source", remedy="copy it again"
        ) from None
    if len(set(names)) < len(names):
        raise _unsafe(shown, "two entries have the same name")
    if any("/aotinductor/" in f"/{name}" for name in names):
        raise _unsafe(shown, "it holds compiled code")
    if not any(name.endswith("models/model.json") for name in names):
        raise BadInput(
            f"{shown} holds no program of torch.export",
            where="model.source",
            remedy="write it with torch.export.save (torch 2.9 or later)",
        )
    for name, content in contents.items():
        if name.endswith(".pt"):
            _check_pickle(torch, name, content, shown)
            continue
        try:
            _check_json(json.loads(content), shown)
        except (ValueError, RecursionError):
            raise BadInput(f"{shown} is damaged: {name} is not JSON", where="model.source") from None


def _check_pickle(torch: Any, name: str, content: bytes, shown: str) -> None:
    import io
    import pickle

    try:
        with quiet():
            torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        raise _unsafe(shown, f"{name} is a pickle that runs code") from error
    except (RuntimeError, EOFError, ValueError) as error:
        raise BadInput(f"{shown} is damaged: {name} cannot be read", where="model.source") from error


def _check_json(value: Any, shown: str) -> None:
    if isinstance(value, list):
        for item in value:
            _check_json(item, shown)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "use_pickle" and item:
            raise _unsafe(shown, "weights are stored as pickles")
        if key == "path_name" and not str(item).startswith(("weight_", "tensor_")):
            raise _unsafe(shown, f"it holds an object that is not a tensor ({item})")
        if key == "expr_str" and not _is_size(str(item)):
            raise _unsafe(shown, "a symbolic size is not an expression")
        _check_json(item, shown)


def _is_size(text: str) -> bool:
    """Whether `text`, which sympy will evaluate, is arithmetic such as `Symbol('s0', integer=True) + 1`."""
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, RecursionError):
        return False
    words = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    calls = [node.func for node in nodes if isinstance(node, ast.Call)]
    return (
        all(isinstance(node, SIZE_SYNTAX) for node in nodes)
        and all(word.isidentifier() and "__" not in word for word in words)
        and all(isinstance(call, ast.Name) and call.id[0].isupper() for call in calls)
    )


def _unsafe(shown: str, why: str) -> BadInput:
    return BadInput(
        f"{shown} was not loaded: {why}",
        where="model.source",
        remedy="export the model again with torch.export.save, or give file.py:factory with .safetensors",
    )


def _load(path: Path, shown: str) -> ExportedProgram:
    """torch.export.load with every pickle inside restricted to tensors."""
    import torch

    switch = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(switch)
    os.environ[switch] = "1"
    try:
        with quiet():
            return torch.export.load(str(path))
    except Exception as error:
        lines = str(error).strip().splitlines()
        raise BadInput(
            f"torch cannot load {shown}: {lines[0] if lines else type(error).__name__}",
            where="model.source",
            remedy="copy it again, or save it again with this version of torch",
        ) from error
    finally:
        if before is None:
            del os.environ[switch]
        else:
            os.environ[switch] = before


def _check_inference(program: ExportedProgram, shown: str) -> None:
    flags = {"aten.dropout.default": 2, "aten.batch_norm.default": 5, "aten.feature_dropout.default": 2}
    for node in program.graph.nodes:
        position = flags.get(str(node.target))
        if position is not None and len(node.args) > position and node.args[position] is True:
            raise BadInput(
                f"the model was exported in training mode ({node.name})",
                where=shown,
                remedy="call model.eval() before torch.export.export",
            )


def _user_inputs(program: ExportedProgram, shown: str) -> dict[str, Any]:
    import torch

    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    inputs = {str(name): values.get(str(name)) for name in program.graph_signature.user_inputs}
    for name, value in inputs.items():
        if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
            raise BadInput(
                f"input {name} is not a float32 tensor",
                where=shown,
                remedy="export the model with float32 inputs; steps of the recipe convert raw data",
            )
        if value.ndim == 0 or isinstance(value.shape[0], int):
            size = value.shape[0] if value.ndim else "none"
            raise BadInput(f"input {name} has a fixed batch ({size})", where=shown, remedy=DYNAMIC)
    return inputs
