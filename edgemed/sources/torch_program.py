"""torch to ONNX by the dynamo exporter alone, and the values of each layer for comparison."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources.finite import check_finite
from edgemed.sources.normalise import OPSET, opset_of
from edgemed.sources.trained import LARGEST_BYTES, Layer

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

FRAME = re.compile(r'File "([^"]+)", line (\d+), in [^\n]*\n\s+([^\n]+)')


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing on stdout, stderr, in logs or as a warning while torch and onnxscript work."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    sink = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def check_tensors(module: torch.nn.Module, where: str) -> int:
    """Number of trained values. Raises `BadInput` for NaN or infinity, and above 2 GB."""
    size = 0
    for name, parameter in module.named_parameters():
        check_finite(name, parameter.detach().float().cpu().numpy(), where)
        size += parameter.numel() * parameter.element_size()
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point():
            check_finite(name, buffer.detach().float().cpu().numpy(), where, trained=False)
    if size > LARGEST_BYTES:
        raise BadInput("the model is larger than 2 GB", where=where, remedy="larger models are not supported")
    return sum(parameter.numel() for parameter in module.parameters())


def named_outputs(result: Any, where: str) -> tuple[tuple[str, ...], tuple[NDArray[Any], ...]]:
    """Names and arrays of what forward returned: dict keys, output_0.. for a tuple, `output` for a tensor."""
    import torch
    from torch.utils import _pytree as pytree

    leaves = [(path, leaf) for path, leaf in pytree.tree_flatten_with_path(result)[0] if leaf is not None]
    names, arrays = [], []
    for path, leaf in leaves:
        keys = [str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", "")))) for key in path]
        if keys and keys[0].isdigit():
            keys.insert(0, "output")
        names.append("_".join(keys) or "output")
        if not isinstance(leaf, torch.Tensor):
            raise BadInput(
                f"{names[-1]} of forward is a {type(leaf).__name__}, not a tensor",
                where=where,
                remedy="return tensors: one, a tuple or a dict of them",
            )
        arrays.append(leaf.detach().numpy())
    return tuple(names), tuple(arrays)


def to_onnx(
    program: ExportedProgram, inputs: tuple[str, ...], outputs: tuple[str, ...], where: str, own: Path | None
) -> tuple[Any, ExportedProgram]:
    """The ModelProto, and the decomposed program whose node names are the ONNX file's value names."""
    import torch

    try:
        with quiet():
            made = torch.onnx.export(
                program,
                dynamo=True,
                external_data=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=list(outputs),
                verbose=False,
            )
    except Exception as error:
        raise BadInput(
            f"torch cannot write this model as ONNX: {_first_line(error)}",
            where=user_line(error, where, own) or where,
            remedy="replace the operator that the message names",
        ) from error
    if made is None or made.exported_program is None:
        raise ToolFailure("torch.onnx.export returned nothing", where=where)
    model = made.model_proto
    if opset_of(model) != OPSET:
        raise ToolFailure(f"torch wrote opset {opset_of(model)} instead of {OPSET}", where=where)
    return model, made.exported_program


def layers_of(
    program: ExportedProgram,
    outputs: tuple[str, ...],
    tensors: list[torch.Tensor],
    where: str,
    own: Path | None,
) -> Iterator[Layer]:
    """Run the program node by node; the program's outputs carry the names that the ONNX file gives them."""
    import torch

    renamed = dict(zip(program.graph_signature.user_outputs, outputs, strict=False))
    seen: dict[str, Layer] = {}

    class Recorder(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            value = super().run_node(n)
            if isinstance(value, torch.Tensor) and n.op == "call_function":
                name = str(renamed.get(n.name, n.name))
                frames = FRAME.findall(n.meta.get("stack_trace") or "")
                seen[name] = Layer(name, value.detach().numpy().copy(), shown_frame(frames, where, own))
            return value

    with torch.no_grad(), quiet():
        module = program.module(check_guards=False)
        Recorder(module).run(*tensors, enable_io_processing=False)
    yield from seen.values()


def user_line(error: BaseException, where: str, own: Path | None) -> str:
    """`file:line: code` of the user's code that an export stopped at; "" where there is none."""
    frames: list[tuple[str, str, str]] = []
    link: BaseException | None = error
    while link is not None:
        frames += [
            (frame.filename, str(frame.lineno), frame.line or "")
            for frame in traceback.extract_tb(link.__traceback__)
        ]
        frames += FRAME.findall(str(link))
        link = link.__cause__ or link.__context__
    return shown_frame(frames, where, own)


def shown_frame(frames: list[tuple[str, str, str]], where: str, own: Path | None) -> str:
    """The innermost frame in the user's own file, else in any file outside torch and edgemed."""
    source, _, _ = where.partition(":")
    if own is not None:
        mine = [frame for frame in frames if frame[0] == str(own)]
        if mine:
            return f"{source}:{mine[-1][1]}: {mine[-1][2].strip()}"
    package = os.sep + "edgemed" + os.sep
    foreign = ("site-packages", os.sep + "lib" + os.sep + "python", package)
    others = [
        frame
        for frame in frames
        if not frame[0].startswith(("torch/", "<")) and not any(part in frame[0] for part in foreign)
    ]
    return f"{Path(others[-1][0]).name}:{others[-1][1]}: {others[-1][2].strip()}" if others else ""


def to_tensor(values: NDArray[Any]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _first_line(error: BaseException) -> str:
    cause = error.__cause__ or error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0] if lines else type(cause).__name__


def blame(error: BaseException, where: str, own: Path | None, what: str, remedy: str) -> BadInput:
    """The refusal for code of the user's that torch.export or a plain call stopped at."""
    line = user_line(error, where, own)
    return BadInput(f"{what}: {_first_line(error)}", where=line or where, remedy=remedy)
