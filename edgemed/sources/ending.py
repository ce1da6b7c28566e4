"""finish: bring every output to probabilities (or values) and say what it means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.sources.normalise import BATCH, write
from edgemed.sources.reference import reference_session
from edgemed.types import Ending, Kind, OutputRecipe, OutputSpec, did_you_mean

PREFIX = "edgemed/ending/"
"""Nodes appended here; the quantiser leaves them in float."""

PASSING = ("Reshape", "Cast", "Identity", "Squeeze", "Unsqueeze", "Flatten", "Dropout")
"""Operators that an ending is looked for behind."""


def finish(
    onnx_path: Path, out: Path, recipes: dict[str, OutputRecipe], samples: dict[str, NDArray[Any]]
) -> tuple[OutputSpec, ...]:
    """Write `out`: outputs float32 of shape (batch, columns), probabilities or regression values.

    `samples` holds real, preprocessed cases by input name (float32, batch axis first); they decide the
    ending where the graph's last operator does not. Before: logits. After: logits -> Sigmoid (one column,
    multilabel) or Softmax. Does nothing to probabilities and values of shape (batch, columns).
    Raises `BadInput` where `recipes` contradicts the graph or names an output that does not exist.
    """
    import onnx

    model = onnx.load(str(onnx_path))
    names = [value.name for value in model.graph.output]
    for name in recipes:
        if name not in names:
            raise BadInput(
                f"the model has no output {name!r}", where=f"outputs.{name}", remedy=did_you_mean(name, names)
            )
    values = dict(zip(names, _run_by_row(onnx_path, samples), strict=True))
    specs = []
    for name in names:
        recipe = recipes.get(name, OutputRecipe())
        value = _as_columns(name, values[name])
        columns = value.shape[1]
        ending = _ending(_structural_ending(model.graph, name), recipe, value, name)
        kind = _kind(ending, recipe.kind, columns, name)
        _append(model.graph, name, values[name], ending, kind)
        labels = check_labels(recipe.labels, kind, columns, name)
        specs.append(OutputSpec(name, kind, columns, labels, recipe.threshold, recipe.unit))
    onnx.checker.check_model(model, full_check=True)
    write(model, out)
    return tuple(specs)


def endings(path: Path, outputs: tuple[OutputSpec, ...]) -> dict[str, Ending]:
    """What the trained model itself gives for each output of a graph that `finish` wrote."""
    import onnx

    appended = {node.name for node in onnx.load(str(path), load_external_data=False).graph.node}
    found: dict[str, Ending] = {}
    for spec in outputs:
        logits = {f"{PREFIX}{spec.name}/{operator}" for operator in ("Sigmoid", "Softmax")} & appended
        found[spec.name] = "values" if spec.kind == "regression" else "logits" if logits else "probabilities"
    return found


def _run_by_row(path: Path, samples: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
    """Row by row: the activations of a whole batch can be larger than the model."""
    session = reference_session(path)
    rows = len(next(iter(samples.values())))
    parts = [
        session.run(None, {name: value[i : i + 1] for name, value in samples.items()}) for i in range(rows)
    ]
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def _as_columns(name: str, value: NDArray[Any]) -> NDArray[np.float32]:
    if value.ndim < 1 or any(size != 1 for size in value.shape[2:]):
        raise BadInput(
            f"output {name} has shape {list(value.shape)}; a classifier gives (samples, columns)",
            where=f"outputs.{name}",
            remedy="export the model with its classification head alone",
        )
    return value.reshape(len(value), -1).astype(np.float32)


def _structural_ending(graph: Any, name: str) -> Ending | None:
    """softmax or sigmoid where the last operator says so, looked at through reshapes and casts."""
    makers = {output: node for node in graph.node for output in node.output}
    node = makers.get(name)
    while node is not None and node.op_type in PASSING:
        node = makers.get(node.input[0])
    if node is None:
        return None
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type in ("Sigmoid", "HardSigmoid"):
        return "sigmoid"
    if node.op_type == "Softmax" and (attributes["axis"].i if "axis" in attributes else -1) in (-1, 1):
        return "softmax"
    return None


def _ending(structural: Ending | None, recipe: OutputRecipe, value: NDArray[np.float32], name: str) -> Ending:
    where = f"outputs.{name}.ending"
    given = recipe.ending
    if recipe.kind == "regression":
        if given not in (None, "values"):
            raise BadInput(f"kind regression and ending {given} contradict each other", where=where)
        return "values"
    if given == "values":
        if recipe.kind is not None:
            raise BadInput(f"kind {recipe.kind} and ending values contradict each other", where=where)
        return "values"
    if structural == "softmax" and value.shape[1] > 1 and not _is_distribution(value):
        raise BadInput(
            f"the graph ends in softmax, but the {value.shape[1]} columns of output {name} do not sum to 1",
            where=where,
            remedy="export the model with an output for each softmax",
        )
    if given is None and structural is None and not _is_distribution(value) and _within_one(value):
        raise BadInput(
            f"output {name} lies between {value.min():.3g} and {value.max():.3g} on all {len(value)} "
            "samples: probabilities or logits?",
            where=where,
            remedy=f'write it in the recipe: [outputs.{name}] ending = "sigmoid" (probabilities) or "logits"',
        )
    if given is None:
        return structural or ("probabilities" if _is_distribution(value) else "logits")
    if structural is not None and given not in (structural, "probabilities"):
        raise BadInput(
            f"the recipe says ending {given}, the graph ends in {structural}",
            where=where,
            remedy=f"leave ending out or write {structural!r}",
        )
    if given != "logits" and (value.min() < -1e-4 or value.max() > 1 + 1e-4):
        raise BadInput(
            f"the recipe says ending {given}, but values reach {value.min():.6g} and {value.max():.6g}",
            where=where,
            remedy="write 'logits'",
        )
    if given == "softmax" and not _is_distribution(value):
        raise BadInput("the recipe says ending softmax, but rows do not sum to 1", where=where)
    return structural or given


def _is_distribution(value: NDArray[np.float32]) -> bool:
    return bool(
        value.shape[1] > 1
        and len(value)
        and value.min() >= 0
        and np.allclose(value.sum(axis=1), 1, atol=1e-3)
    )


def _within_one(value: NDArray[np.float32]) -> bool:
    return bool(value.min() >= 0 and value.max() <= 1)


def _kind(ending: Ending, given: Kind | None, columns: int, name: str) -> Kind:
    where = f"outputs.{name}.kind"
    if ending == "values":
        return "regression"
    found: Kind = "binary" if columns <= 2 else "multilabel" if ending == "sigmoid" else "multiclass"
    if ending == "softmax" and columns == 1:
        raise BadInput(
            f"output {name} is a softmax of one column: always 1", where=where, remedy="use a sigmoid"
        )
    if given is None and ending == "sigmoid" and columns == 2:
        raise BadInput(
            f"output {name} has two sigmoid columns: two findings, or one in two columns?",
            where=where,
            remedy=f'write it in the recipe: [outputs.{name}] kind = "multilabel" or "binary"',
        )
    if given is None:
        return found
    if given == "multilabel" and ending == "softmax":
        raise BadInput(
            "kind multilabel and a softmax ending contradict each other",
            where=where,
            remedy="write 'multiclass', or train with a sigmoid per label",
        )
    if given == "multiclass" and (ending == "sigmoid" or columns == 1):
        what = "a sigmoid ending" if ending == "sigmoid" else "one column"
        raise BadInput(
            f"kind multiclass and {what} contradict each other", where=where, remedy=f"write {found!r}"
        )
    if given == "binary" and columns > 2:
        raise BadInput(f"kind binary, but output {name} has {columns} columns", where=where)
    return given


def check_labels(labels: tuple[str, ...], kind: Kind, columns: int, name: str) -> tuple[str, ...]:
    """One label a column; a binary head names both classes (negative, positive), with one column or two.

    Raises `BadInput` for another number of labels, and for a class whose name is the number of another one.
    """
    where = f"outputs.{name}.labels"
    wanted = 2 if kind == "binary" else columns
    if labels and len(labels) != wanted:
        raise BadInput(
            f"{len(labels)} labels for an output of {columns} columns ({kind})",
            where=where,
            remedy="give 2 labels, negative first"
            if kind == "binary"
            else f"give {columns} labels in the order of the columns",
        )
    if kind in ("binary", "multiclass"):
        for index, label in enumerate(labels):
            if re.fullmatch(r"\d+(\.0*)?", label) and float(label) != index:
                raise BadInput(
                    f"label {label!r} names class {index}, but a number in a set is the number of a class",
                    where=where,
                    remedy=f'write names that are no numbers, such as "grade {label}", here and in the sets',
                )
    return labels


def _append(graph: Any, name: str, value: NDArray[Any], ending: Ending, kind: Kind) -> None:
    """Before: x. After: x -> Cast -> Reshape -> Sigmoid or Softmax, each only where needed, still named x."""
    import onnx

    columns = int(np.prod(value.shape[1:], dtype=np.int64))
    steps: list[tuple[str, dict[str, Any], list[str]]] = []
    if value.dtype != np.float32:
        steps.append(("Cast", {"to": onnx.TensorProto.FLOAT}, []))
    if value.ndim != 2:
        shape = onnx.numpy_helper.from_array(np.array([-1, columns]), f"{PREFIX}{name}/shape")
        graph.initializer.append(shape)
        steps.append(("Reshape", {}, [shape.name]))
    if ending == "logits":
        soft = kind != "multilabel" and columns > 1
        steps.append(("Softmax", {"axis": -1}, []) if soft else ("Sigmoid", {}, []))
    output = next(entry for entry in graph.output if entry.name == name)
    output.CopyFrom(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [BATCH, columns]))
    if not steps:
        return
    raw = f"{PREFIX}{name}/raw"
    for node in graph.node:
        for field in (node.input, node.output):
            for i, entry in enumerate(field):
                if entry == name:
                    field[i] = raw
    for number, (operator, attributes, extra) in enumerate(steps):
        last = number == len(steps) - 1
        target = name if last else f"{PREFIX}{name}/{operator.lower()}"
        node = onnx.helper.make_node(
            operator, [raw, *extra], [target], name=f"{PREFIX}{name}/{operator}", **attributes
        )
        graph.node.append(node)
        raw = target
