"""One form for every exported ONNX file: opset 18 to 20, IR 10, symbolic `batch`, nothing that leaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources.trained import LARGEST_BYTES
from edgemed.types import InputSpec

OPSET = 18
"""The opset that older files are brought to."""
LARGEST_OPSET = 20
IR_VERSION = 10
"""What onnxruntime 1.23 (the last for Python 3.10) and TensorRT's parser read."""
BATCH = "batch"


def opset_of(model: Any) -> int:
    """The version of the default operator set; 1 where the file has only other domains."""
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return max(versions, default=1)


def merge_imports(model: Any) -> None:
    """Before: one domain imported twice (skl2onnx does that). After: once, at its latest version."""
    latest: dict[str, int] = {}
    for entry in model.opset_import:
        domain = "" if entry.domain == "ai.onnx" else entry.domain
        latest[domain] = max(entry.version, latest.get(domain, 0))
    del model.opset_import[:]
    for domain, version in latest.items():
        model.opset_import.add(domain=domain, version=version)


def normalise(model: Any, inputs: Sequence[InputSpec], where: str) -> Any:
    """Strip, name nodes, fix the shapes of `inputs`, infer shapes strictly, check. Changes `model`."""
    import onnx

    if opset_of(model) > LARGEST_OPSET:
        raise ToolFailure(f"the exporter wrote opset {opset_of(model)}, above {LARGEST_OPSET}", where=where)
    model.ir_version = IR_VERSION
    _strip(model)
    _name_nodes(model.graph)
    _lift_constants(model.graph)
    _fix_inputs(model.graph, inputs)
    try:
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        _name_batch(model.graph, where)
        if model.ByteSize() > LARGEST_BYTES:
            raise BadInput(
                "the model is larger than 2 GB", where=where, remedy="larger models are not supported"
            )
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ToolFailure(f"the exported graph is not valid ONNX: {error}", where=where) from error
    return model


def write(model: Any, out: Path) -> None:
    """Save with the weights inside, whole or not at all."""
    import onnx

    partial = out.with_name(out.name + ".part")
    onnx.save(model, str(partial))
    partial.replace(out)


def _strip(model: Any) -> None:
    """Remove doc strings, metadata (torch writes source paths there), training information, old shapes."""
    for field in ("doc_string", "metadata_props", "training_info", "configuration"):
        _clear(model, field)
    for function in model.functions:
        _strip_nodes(function)
    _strip_graph(model.graph)


def _strip_graph(graph: Any) -> None:
    del graph.value_info[:]
    _clear(graph, "quantization_annotation")
    for value in (*graph.input, *graph.output, *graph.initializer):
        _clear(value, "doc_string")
        _clear(value, "metadata_props")
    _strip_nodes(graph)


def _strip_nodes(owner: Any) -> None:
    _clear(owner, "doc_string")
    _clear(owner, "metadata_props")
    for node in owner.node:
        for field in ("doc_string", "metadata_props", "device_configurations"):
            _clear(node, field)
        for attribute in node.attribute:
            _clear(attribute, "doc_string")
            for graph in (attribute.g, *attribute.graphs):
                if graph.node:
                    _strip_graph(graph)


def _clear(message: Any, field: str) -> None:
    if field in message.DESCRIPTOR.fields_by_name:
        message.ClearField(field)


def _name_nodes(graph: Any) -> None:
    """Every node gets a name of its own: the quantiser and the report speak of nodes by name."""
    seen: set[str] = set()
    for number, node in enumerate(graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{number}"
            while node.name in seen:
                node.name += "_"
        seen.add(node.name)


def _lift_constants(graph: Any) -> None:
    """`Constant` nodes become initialisers; initialisers leave the input list (the form before IR 4)."""
    kept = []
    for node in graph.node:
        tensor = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and tensor is not None and node.domain in ("", "ai.onnx"):
            weight = graph.initializer.add()
            weight.CopyFrom(tensor)
            weight.name = node.output[0]
        else:
            kept.append(node)
    if len(kept) < len(graph.node):
        del graph.node[:]
        graph.node.extend(kept)
    weights = {weight.name for weight in graph.initializer}
    taken = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(taken)


def _fix_inputs(graph: Any, inputs: Sequence[InputSpec]) -> None:
    specs = {spec.name: spec for spec in inputs}
    for value in graph.input:
        shape = value.type.tensor_type.shape
        shape.ClearField("dim")
        shape.dim.add().dim_param = BATCH
        for size in specs[value.name].shape:
            shape.dim.add().dim_value = size
    for value in graph.output:
        dims = value.type.tensor_type.shape.dim
        if dims:
            dims[0].Clear()


def _name_batch(graph: Any, where: str) -> None:
    """The first axis of every output is the batch."""
    for value in graph.output:
        dims = value.type.tensor_type.shape.dim
        if not dims:
            raise BadInput(
                f"output {value.name} has no batch axis",
                where=where,
                remedy="give one row per sample; leave out sums over the batch",
            )
        first = dims[0]
        if first.HasField("dim_value"):
            raise BadInput(
                f"output {value.name} has {first.dim_value} rows whatever the batch",
                where=where,
                remedy="let every output keep the batch as its first axis (x.flatten(1), not x.view(1, -1))",
            )
        first.dim_param = BATCH
