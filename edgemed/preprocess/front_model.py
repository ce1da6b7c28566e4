"""write_front: the preprocessing of all inputs as a model of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgemed.errors import BadInput
from edgemed.preprocess.axes import letters
from edgemed.preprocess.front import PREFIX, Front
from edgemed.preprocess.registry import tensor_spec, walk
from edgemed.types import InputSpec, Step

if TYPE_CHECKING:
    import onnx


def tensor_name(input_name: str) -> str:
    """Name of the preprocessed tensor of an input. ONNX does not let it share the raw input's name."""
    return PREFIX + input_name


def write_front(
    specs: Sequence[InputSpec], steps: dict[str, Sequence[Step]], out: Path, *, opset: int
) -> None:
    """Write an ONNX model from the raw inputs (batch, *shape) to the tensors that the model is given.

    Inputs have the names of `specs`; the outputs, in the same order, are `tensor_name(spec.name)`, float32
    (see `tensor_spec`). The batch axis is symbolic. `opset` is 11 to 20. Raises `BadInput` for steps that do
    not fit (see `tensor_spec`).
    """
    from onnx import helper, save_model

    nodes, constants, inputs, outputs, notes = [], [], [], [], {}
    for spec in specs:
        front = trace(spec, steps.get(spec.name, ()), opset)
        if not front.nodes:
            front.then("Identity")
        front.nodes[-1].output[0] = tensor_name(spec.name)
        nodes += front.nodes
        constants += front.constants
        inputs.append(value_info(spec.name, spec, "batch"))
        outputs.append(
            value_info(tensor_name(spec.name), tensor_spec(spec, steps.get(spec.name, ())), "batch")
        )
        notes[tensor_name(spec.name)] = json.dumps({"levels": front.rounded_levels, "gain": front.gain})
    graph = helper.make_graph(nodes, "edgemed_front", inputs, outputs, initializer=constants)
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        graph,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="edgemed",
    )
    helper.set_model_props(model, notes)
    save_model(model, str(out))


def trace(spec: InputSpec, steps: Sequence[Step], opset: int) -> Front:
    """The nodes of one input, ending in the layout and dtype of `tensor_spec`."""
    front = Front(spec, tensor_spec(spec, steps), opset)
    for index, (op, after) in enumerate(walk(spec, steps)):
        front.begin_step(index, op.name, letters(after))
        try:
            op.write(front)
        except BadInput as error:
            where = f"inputs.{spec.name}.steps[{index}] ({op.name})"
            raise BadInput(error.problem, where=where, remedy=error.remedy) from None
    front.finish()
    return front


def value_info(name: str, spec: InputSpec, batch: str | int) -> onnx.ValueInfoProto:
    from onnx import helper

    elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype))
    return helper.make_tensor_value_info(name, elem_type, [batch, *spec.shape])
