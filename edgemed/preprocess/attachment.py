"""attach: the preprocessing merged into the model's own graph."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.errors import BadInput
from edgemed.preprocess.front import PREFIX
from edgemed.preprocess.front_model import tensor_name, trace, value_info
from edgemed.preprocess.registry import tensor_spec
from edgemed.types import InputSpec, Step

if TYPE_CHECKING:
    import onnx


def attach(core: Path, specs: Sequence[InputSpec], steps: dict[str, Sequence[Step]], out: Path) -> None:
    """Write `core` with each input replaced by the raw array and the steps that lead from it to the model.

    The raw inputs keep the names, the order and the batch axis of the core's inputs; the tensors behind the
    steps are `tensor_name(name)`; nodes, tensors and constants of the front begin with `PREFIX`. The opsets
    and the IR version are the core's. An input without steps whose dtype is the core's is left
    alone; where dtypes differ behind the steps (uint8 without steps), a Cast is added.

    `specs` are the core's inputs. Raises `BadInput` where a result does not fit the core's shape, or the core
    already has a front.
    """
    import onnx

    model = onnx.load(str(core))
    graph = model.graph
    if any(name.startswith(PREFIX) for node in graph.node for name in (node.name, *node.output)):
        raise BadInput("the model already has preprocessing inside", where=core.name)
    constants = {constant.name for constant in graph.initializer}
    taken = {value.name: value for value in graph.input if value.name not in constants}
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    front_nodes: list[onnx.NodeProto] = []
    for spec in specs:
        nodes = _attach_one(graph, taken[spec.name], spec, steps.get(spec.name, ()), opset)
        front_nodes += nodes
    core_nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*front_nodes, *core_nodes])
    onnx.save_model(model, str(out))


def _attach_one(
    graph: onnx.GraphProto, value: onnx.ValueInfoProto, spec: InputSpec, steps: Sequence[Step], opset: int
) -> list[onnx.NodeProto]:
    """Rewire one input; gives the nodes to put before the core's."""
    from onnx import helper

    wanted = value.type.tensor_type.elem_type
    after = tensor_spec(spec, steps)
    _check_shape(value, after)
    raw = value_info(spec.name, spec, _batch_axis(value))
    if not steps and raw.type.tensor_type.elem_type == wanted:
        return []
    front = trace(spec, steps, opset)
    if value_info("", after, 1).type.tensor_type.elem_type != wanted:
        front.cast(helper.tensor_dtype_to_np_dtype(wanted).name)
    if not front.nodes:
        return []
    front.nodes[-1].output[0] = tensor_name(spec.name)
    _rename(graph, spec.name, tensor_name(spec.name))
    graph.initializer.extend(front.constants)
    behind = graph.value_info.add()
    behind.CopyFrom(value)
    behind.name = tensor_name(spec.name)
    value.CopyFrom(raw)
    nodes: list[onnx.NodeProto] = front.nodes
    return nodes


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Let every node, also in subgraphs, read `new` where it read `old`."""
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name == old:
                node.input[index] = new
        for attribute in node.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                _rename(subgraph, old, new)
    for value in graph.output:
        if value.name == old:
            raise BadInput(
                f"the model gives its input {old!r} back as an output",
                where=f"inputs.{old}",
                remedy="export the model with its predictions as the only outputs",
            )


def _batch_axis(value: onnx.ValueInfoProto) -> str | int:
    axes = value.type.tensor_type.shape.dim
    return (axes[0].dim_param or axes[0].dim_value or "batch") if axes else "batch"


def _check_shape(value: onnx.ValueInfoProto, after: InputSpec) -> None:
    if not value.type.tensor_type.HasField("shape"):
        return
    axes = [axis.dim_value or axis.dim_param or "?" for axis in value.type.tensor_type.shape.dim]
    given = ["batch", *after.shape]
    fits = len(axes) == len(given) and all(
        not isinstance(axis, int) or axis == n for axis, n in zip(axes[1:], given[1:], strict=True)
    )
    if not fits:
        raise BadInput(
            f"the steps give {given} (layout {after.layout!r}), the model takes {axes}",
            where=f"inputs.{value.name}",
            remedy="add or correct a step: layout moves the channel axis, resize and crop change the size, "
            "gray_to_rgb and rgb_to_gray the channels",
        )
