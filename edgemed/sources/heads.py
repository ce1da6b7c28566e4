"""The heads of an ONNX classifier that hold scores: scikit-learn's ZipMap and label outputs are taken off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput

SURE = 0.9
"""Of the answers; between that and its opposite, nothing is guessed."""


@dataclass(frozen=True)
class Head:
    """One output that is kept.

    `original`: its name in the untouched file; `classes`: a ZipMap's keys; `reversed`: its two columns are
    the wrong way round in the untouched file.
    """

    name: str
    original: str
    classes: tuple[Any, ...] = ()
    reversed: bool = False

    def array(self, value: Any) -> NDArray[Any]:
        """What the untouched file gives as an array: a ZipMap gives one dict per row."""
        if self.classes:
            value = np.array([[row[key] for key in self.classes] for row in value], np.float32)
        array = np.asarray(value)
        return array[:, ::-1] if self.reversed else array


def take_heads(model: Any, where: str) -> tuple[Head, ...]:
    """Before: scores -> ZipMap -> list of dicts, and an integer or text label. After: scores.

    Changes `model`. Labels stay out only beside a float output; a file that gives nothing but labels raises
    `BadInput`. Does nothing to files without these.
    """
    graph = model.graph
    zip_maps = {node.output[0]: node for node in graph.node if node.op_type == "ZipMap"}
    heads = []
    kept = []
    for value in graph.output:
        if value.name in zip_maps:
            node = zip_maps[value.name]
            heads.append(Head(node.input[0], value.name, _classes(node)))
            kept.append(_scores(graph, node.input[0]))
        elif (
            value.type.WhichOneof("value") == "tensor_type" and value.type.tensor_type.elem_type in _floats()
        ):
            heads.append(Head(value.name, value.name))
            kept.append(value)
    if not heads:
        raise BadInput(
            "no output holds scores or probabilities, only labels",
            where=where,
            remedy="export the probabilities too (scikit-learn: a classifier with predict_proba)",
        )
    kept = [_copy(value) for value in kept]
    del graph.output[:]
    graph.output.extend(kept)
    drop_dead_nodes(graph)
    return tuple(heads)


def label_output(model: Any) -> str | None:
    """The name of the output that holds the decided class, as scikit-learn's converters write it."""
    import onnx

    kinds = (onnx.TensorProto.INT64, onnx.TensorProto.STRING)
    for value in model.graph.output:
        if value.type.WhichOneof("value") == "tensor_type" and value.type.tensor_type.elem_type in kinds:
            return str(value.name)
    return None


def classes_of(model: Any) -> tuple[Any, ...]:
    """The classes in the order of the columns, as `ai.onnx.ml` classifiers list them; () where none does."""
    names = ("classlabels_ints", "classlabels_int64s", "classlabels_strings")
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name in names and (attribute.ints or attribute.strings):
                return tuple(attribute.ints) or tuple(text.decode() for text in attribute.strings)
    return ()


def is_reversed(
    scores: NDArray[Any], labels: NDArray[Any], classes: tuple[Any, ...], name: str, where: str
) -> bool:
    """Whether two columns of scores (rows, 2) are the wrong way round, by the file's own labels (rows,).

    skl2onnx writes a binary SVC without probabilities so: (s, -s), where s > 0 is the second class. Only such
    scores are turned: they decide at 0. Probabilities may decide elsewhere than the labels (Platt's do), so
    only their order counts: the area under the ROC curve of the file's labels. Raises `BadInput` where scores
    and labels contradict each other otherwise.
    """
    classes = classes or tuple(np.unique(labels))
    if scores.shape != (labels.size, 2) or len(classes) != 2:
        return False
    known = np.isfinite(scores).all(axis=1)
    gap, second = (scores[:, 1] - scores[:, 0])[known], labels.ravel()[known] == classes[1]
    opposites = np.array_equal(scores[known, 0], -scores[known, 1])
    if opposites and known.any():
        agreement = float(((gap > 0) == second).mean())
    elif second.any() and not second.all():
        agreement = float((np.sign(gap[second][:, None] - gap[~second]) + 1).mean() / 2)
    else:
        return False
    if opposites and agreement <= 1 - SURE:
        return True
    if agreement < SURE:
        raise BadInput(
            f"the columns of output {name} and the file's own labels contradict each other "
            f"(agreement {agreement:.0%} on {int(known.sum())} random inputs)",
            where=where,
            remedy="check the order of classes; if the columns are right, export without the label output",
        )
    return False


def reverse_columns(graph: Any, name: str) -> None:
    """Before: x of two columns. After: x -> Gather (1, 0), still named x."""
    import onnx

    inner = f"{name}_reversed"
    for node in graph.node:
        node.output[:] = [inner if entry == name else entry for entry in node.output]
        node.input[:] = [inner if entry == name else entry for entry in node.input]
    order = onnx.numpy_helper.from_array(np.array([1, 0]), f"{name}_order")
    graph.initializer.append(order)
    graph.node.append(
        onnx.helper.make_node("Gather", [inner, order.name], [name], name=f"Gather_{name}", axis=1)
    )


def drop_dead_nodes(graph: Any) -> None:
    """Take out nodes and initialisers that no output needs."""
    needed = {value.name for value in graph.output}
    alive = []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= _reads(node)
            alive.append(node)
    alive.reverse()
    alive = [_copy(node) for node in alive]
    del graph.node[:]
    graph.node.extend(alive)
    weights = [_copy(weight) for weight in graph.initializer if weight.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)


def _floats() -> tuple[int, ...]:
    import onnx

    return onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE


def _classes(node: Any) -> tuple[Any, ...]:
    for attribute in node.attribute:
        if attribute.name == "classlabels_int64s":
            return tuple(attribute.ints)
        if attribute.name == "classlabels_strings":
            return tuple(text.decode() for text in attribute.strings)
    return ()


def _scores(graph: Any, name: str) -> Any:
    import onnx

    for value in graph.value_info:
        if value.name == name:
            return value
    return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None])


def _copy(message: Any) -> Any:
    twin = type(message)()
    twin.CopyFrom(message)
    return twin


def _reads(node: Any) -> set[str]:
    """Names that a node reads, also from inside its subgraphs."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            names |= {value.name for value in graph.output}
            for inner in graph.node:
                names |= _reads(inner)
    return names
