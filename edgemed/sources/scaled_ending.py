"""scale_endings: logits divided by a temperature inside the graph, in front of the probabilities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.sources.ending import PASSING, PREFIX
from edgemed.sources.normalise import write
from edgemed.sources.reference import reference_session
from edgemed.types import OutputSpec

_LEAST = 1e-7
"""Probabilities are clipped to [_LEAST, 1 - _LEAST] before a logarithm."""


def scale_endings(
    graph: Path, outputs: Sequence[OutputSpec], temperatures: Mapping[str, float], out: Path
) -> None:
    """Write `out`: `graph`, where the logits of each output in `temperatures` are divided by its value.

    Before: logits -> Sigmoid or Softmax. After: logits -> Mul by 1 / T -> Sigmoid or Softmax. Where
    probabilities are made in another way, or are read inside the graph too, they are turned back into
    logits: probabilities -> Clip -> log-odds (multiclass: Log) -> Mul by 1 / T -> Sigmoid (Softmax). The
    names of new nodes begin with `PREFIX`, so they stay in float. Does nothing to other outputs.
    """
    import onnx

    model = onnx.load(str(graph))
    types = _types(model)
    for spec in outputs:
        if spec.name not in temperatures:
            continue
        ending = _ending(model.graph, spec)
        scope = f"{PREFIX}{spec.name}/temperature"
        logits = ending.input[0]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(types.get(logits, onnx.TensorProto.FLOAT))
        factor = _constant(model.graph, f"{scope}/factor", np.array(1 / temperatures[spec.name], dtype))
        scaled = f"{scope}/scaled"
        node = onnx.helper.make_node("Mul", [logits, factor], [scaled], name=f"{scope}/Mul")
        model.graph.node.insert(list(model.graph.node).index(ending), node)
        ending.input[0] = scaled
    onnx.checker.check_model(model, full_check=True)
    write(model, out)


class Logits:
    """The logits that `scale_endings` would divide, for outputs of classes."""

    def __init__(self, graph: Path, outputs: Sequence[OutputSpec]) -> None:
        import onnx

        self._outputs = tuple(spec for spec in outputs if spec.kind != "regression")
        model = onnx.load(str(graph))
        endings = [_ending(model.graph, spec) for spec in self._outputs]
        self._softmax = [node.op_type == "Softmax" for node in endings]
        self._names = [node.input[0] for node in endings]
        listed = {value.name for value in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in {*self._names} - listed)
        self._session = reference_session(model.SerializeToString())

    def of(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float64]]:
        """Of one case's raw `inputs`, without a batch axis: (columns,) by output.

        A binary output has one, the log-odds of its positive class.
        """
        answers = self._session.run(self._names, {name: array[None] for name, array in inputs.items()})
        logits: dict[str, NDArray[np.float64]] = {}
        for spec, softmax, answer in zip(self._outputs, self._softmax, answers, strict=True):
            values = answer.reshape(-1).astype(np.float64)
            if spec.kind == "binary":
                values = values[1:] - values[:1] if softmax else values[-1:]
            logits[spec.name] = values
        return logits


def _ending(graph: Any, spec: OutputSpec) -> Any:
    """The node that makes probabilities of logits for this output alone; appended where there is none."""
    return _own_ending(graph, spec.name) or _appended(graph, spec)


def _own_ending(graph: Any, name: str) -> Any:
    makers = {output: node for node in graph.node for output in node.output}
    readers = Counter(read for node in _nodes(graph) for read in node.input)
    readers.update(value.name for value in graph.output)
    while readers[name] == 1 and name in makers:
        node = makers[name]
        if node.op_type == "Sigmoid" or (node.op_type == "Softmax" and _axis(node) in (-1, 1)):
            return node
        if node.op_type not in PASSING:
            return None
        name = node.input[0]
    return None


def _nodes(graph: Any) -> Iterator[Any]:
    """Those of bodies inside nodes too, which read outer tensors by name."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _nodes(body)


def _axis(node: Any) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == "axis"), -1)


def _appended(graph: Any, spec: OutputSpec) -> Any:
    """Before: p. After: p -> Clip -> Log, or log-odds -> Softmax or Sigmoid, still named p."""
    import onnx

    scope = f"{PREFIX}{spec.name}/temperature"

    def add(operator: str, *inputs: str, to: str = "", **attributes: int) -> str:
        label = f"{scope}/{operator}_{len(graph.node)}"
        node = onnx.helper.make_node(operator, inputs, [to or label], name=label, **attributes)
        graph.node.append(node)
        return str(node.output[0])

    probabilities = f"{scope}/probabilities"
    for node in _nodes(graph):
        for field in (node.input, node.output):
            for index, entry in enumerate(field):
                if entry == spec.name:
                    field[index] = probabilities
    least, most = (
        _constant(graph, f"{scope}/{name}", np.array(value, np.float32))
        for name, value in (("least", _LEAST), ("most", 1 - _LEAST))
    )
    clipped = add("Clip", probabilities, least, most)
    if spec.kind == "multiclass":
        add("Softmax", add("Log", clipped), to=spec.name, axis=-1)
    else:
        one = _constant(graph, f"{scope}/one", np.array(1, np.float32))
        add("Sigmoid", add("Sub", add("Log", clipped), add("Log", add("Sub", one, clipped))), to=spec.name)
    return graph.node[-1]


def _constant(graph: Any, name: str, value: NDArray[Any]) -> str:
    import onnx

    graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    return name


def _types(model: Any) -> dict[str, int]:
    """Element types of the values of the main graph, where they can be told."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    return {value.name: value.type.tensor_type.elem_type for value in values}
