"""lower_ml_operators: each `ai.onnx.ml` node becomes standard nodes, or stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from edgemed.sources.heads import drop_dead_nodes
from edgemed.sources.ml_ops.linear import linear_classifier, linear_regressor
from edgemed.sources.ml_ops.replacement import Replacement
from edgemed.sources.ml_ops.scaling import binarizer, imputer, normalizer, scaler
from edgemed.sources.ml_ops.selection import array_feature_extractor
from edgemed.sources.ml_ops.svm import svm_classifier, svm_regressor

ML_DOMAIN = "ai.onnx.ml"

_LOWERINGS: dict[str, Callable[[Replacement], bool]] = {
    "ArrayFeatureExtractor": array_feature_extractor,
    "Binarizer": binarizer,
    "Imputer": imputer,
    "LinearClassifier": linear_classifier,
    "LinearRegressor": linear_regressor,
    "Normalizer": normalizer,
    "SVMClassifier": svm_classifier,
    "SVMRegressor": svm_regressor,
    "Scaler": scaler,
}
_WITH_LABELS = ("LinearClassifier", "SVMClassifier")
_KEEPS_TYPE = ("ArrayFeatureExtractor",)


def ml_operators(model: Any) -> tuple[str, ...]:
    """The kinds of `ai.onnx.ml` node in a model, subgraphs included."""
    return tuple(sorted({node.op_type for node in _nodes(model.graph) if node.domain == ML_DOMAIN}))


def lower_ml_operators(model: Any) -> None:
    """Before: Scaler -> SVMClassifier. After: Sub, Mul -> MatMul, Add, Exp, ... of the same output names.

    Changes `model`, which is at opset 18 or later: reductions take their axes as inputs there. All is
    float32. Leaves alone operators that are not in the table or use what is not known here, classifiers
    whose labels are read, and inputs known to have another rank than 2.
    """
    import onnx

    graph = model.graph
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = {
        value.name: value.type.tensor_type
        for value in (*inferred.value_info, *inferred.input, *inferred.output)
    }
    weights = {weight.name: weight for weight in graph.initializer}
    read = {name for node in _nodes(graph) for name in node.input} | {value.name for value in graph.output}
    nodes: list[Any] = []
    for node in graph.node:
        replacement = _replacement(node, values, weights, read)
        if replacement is None:
            nodes.append(node)
        else:
            nodes += replacement.nodes
            graph.initializer.extend(replacement.weights)
    nodes = deepcopy(nodes)
    del graph.node[:]
    graph.node.extend(nodes)
    drop_dead_nodes(graph)
    for value in graph.output:
        _forget_sizes(value)
    if not ml_operators(model):
        for entry in [entry for entry in model.opset_import if entry.domain == ML_DOMAIN]:
            model.opset_import.remove(entry)


def _replacement(
    node: Any, values: dict[str, Any], weights: dict[str, Any], read: set[str]
) -> Replacement | None:
    import onnx

    lowering = _LOWERINGS.get(node.op_type) if node.domain == ML_DOMAIN else None
    if lowering is None:
        return None
    output = node.output[0]
    if node.op_type in _WITH_LABELS:
        if output in read or len(node.output) != 2:
            return None
        output = node.output[1]
    tensor = values.get(node.input[0])
    if tensor is not None and tensor.HasField("shape") and len(tensor.shape.dim) != 2:
        return None
    element = tensor.elem_type if tensor is not None else onnx.TensorProto.FLOAT
    replacement = Replacement(node, output, weights)
    if element != onnx.TensorProto.FLOAT and node.op_type not in _KEEPS_TYPE:
        replacement.x = replacement.add("Cast", replacement.x, to=onnx.TensorProto.FLOAT)
    if not lowering(replacement):
        return None
    replacement.nodes[-1].output[0] = output
    return replacement


def _forget_sizes(value: Any) -> None:
    """skl2onnx declares two columns where it gives one (RidgeClassifier); shape inference knows better."""
    for dim in value.type.tensor_type.shape.dim:
        dim.Clear()


def _nodes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)
