"""`.onnx` files, opset 11 and later, from any exporter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources.digest import external_files, read_graph, source_digest
from edgemed.sources.finite import check_finite
from edgemed.sources.heads import classes_of, is_reversed, label_output, reverse_columns, take_heads
from edgemed.sources.ml_ops import ML_DOMAIN, lower_ml_operators, ml_operators
from edgemed.sources.normalise import LARGEST_OPSET, OPSET, merge_imports, normalise, opset_of, write
from edgemed.sources.parity import agrees, random_batch
from edgemed.sources.reference import intermediate_values, reference_errors, reference_session
from edgemed.sources.trained import LARGEST_BYTES, Layer, TrainedModel
from edgemed.sources.typical import typical_batch
from edgemed.types import InputSpec, ModelSpec

SMALLEST_OPSET = 11
SMALLEST_CLASSICAL_OPSET = 9
"""skl2onnx writes 9 where no newer operator is used; only resizing has changed its meaning since."""
SMALLEST_QDQ_OPSET = 13
"""Per-channel QuantizeLinear begins here: a file that cannot be converted may stay at its own opset."""

_TYPICAL_ROWS = 64


class OnnxFile(TrainedModel):
    """An ONNX file with its external data, if any. `predict` runs the untouched file in onnxruntime."""

    kind = "onnx"

    def __init__(self, source: str, base: Path) -> None:
        self.shown = source
        self._path = base / source
        self.digest = source_digest(ModelSpec(source), base)
        self._model = _read(self._path, source)
        self.parameters = _check_weights(self._model, source)
        _check_opset(self._model, source)
        weights = {weight.name for weight in self._model.graph.initializer}
        self._inputs = [value for value in self._model.graph.input if value.name not in weights]
        self._fixed_batch = any(_batch_axis(value, source) == 1 for value in self._inputs)
        self._dtypes = {value.name: _dtype(value, source) for value in self._inputs}
        self._session = _open(self._path, source)
        self._label = label_output(self._model)
        self._classes = classes_of(self._model)
        self._heads = take_heads(self._model, source)
        self._straighten()

    def input_specs(self) -> tuple[InputSpec, ...] | None:
        specs = []
        for value in self._inputs:
            sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
            if not value.type.tensor_type.HasField("shape") or any(size < 1 for size in sizes):
                return None
            specs.append(InputSpec(value.name, "float32", tuple(sizes)))
        return tuple(specs)

    def input_names(self) -> tuple[str, ...]:
        return tuple(value.name for value in self._inputs)

    def output_names(self, inputs: Sequence[InputSpec]) -> tuple[str, ...]:
        return tuple(head.name for head in self._heads)

    def export(self, inputs: Sequence[InputSpec], out: Path) -> None:
        self._check_shapes(inputs)
        own = opset_of(self._model)
        target = own if OPSET <= own <= LARGEST_OPSET else min(max(own, OPSET), LARGEST_OPSET)
        stays = SMALLEST_QDQ_OPSET <= own < OPSET
        batches = [random_batch(inputs, rows, seed=rows) for rows in (1, 3)]
        classical = bool(ml_operators(self._model))
        if classical:
            batches.append(typical_batch(self._model.graph, inputs, _TYPICAL_ROWS, seed=0))
        attempts = [(target, True)] if classical else []
        attempts += [(opset, False) for opset in ((target, own) if stays else (target,))]
        reasons: list[str] = []
        for opset, lowered in attempts:
            try:
                model = self._converted(opset, inputs, lowered=lowered)
                reason = self._difference(model, batches)
            except ToolFailure as error:
                reason = error.problem
            if not reason:
                self._note(model, opset, target, reasons)
                write(model, out)
                return
            reasons.append(f"at opset {opset}{' in standard operators' if lowered else ''} {reason}")
        if self._fixed_batch:
            raise BadInput(
                f"the batch is fixed at 1 inside the graph ({reasons[0]})",
                where=self.shown,
                remedy="export it with a dynamic batch axis (torch: dynamic_shapes; tf2onnx: a None batch)",
            )
        raise BadInput(
            f"opset {own} could not be brought to {target}: {'; '.join(reasons)}",
            where=self.shown,
            remedy=f"export the model again at opset {OPSET}",
        )

    def predict(self, batch: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        parts = [self._run(feeds) for feeds in self._feeds(batch)]
        return tuple(np.concatenate(values) for values in zip(*parts, strict=True))

    def layers(self, batch: dict[str, NDArray[Any]]) -> Iterator[Layer]:
        for name, value in intermediate_values(self._model, self._feeds(batch)[0]).items():
            yield Layer(name, value)

    def _feeds(self, batch: dict[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
        """The batch in the file's own dtypes, row by row where its batch is fixed."""
        feeds = {name: np.asarray(batch[name]).astype(dtype) for name, dtype in self._dtypes.items()}
        if not self._fixed_batch:
            return [feeds]
        rows = len(next(iter(feeds.values())))
        return [{name: value[i : i + 1] for name, value in feeds.items()} for i in range(rows)]

    def _straighten(self) -> None:
        """Turn round the only head where its two columns contradict the file's own label output."""
        specs = self.input_specs()
        if self._label is None or specs is None or len(self._heads) > 1:
            return
        probe = typical_batch(self._model.graph, specs, _TYPICAL_ROWS, seed=0)
        labels = [np.ravel(self._session.run([self._label], feeds)[0]) for feeds in self._feeds(probe)]
        (scores,), (head,) = self.predict(probe), self._heads
        if is_reversed(scores, np.concatenate(labels), self._classes, head.name, self.shown):
            reverse_columns(self._model.graph, head.name)
            self.notes += (f"the columns of {head.name} were reversed: the file's own labels say so",)
            self._heads = (replace(head, reversed=True),)

    def _run(self, feeds: dict[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        try:
            values = self._session.run([head.original for head in self._heads], feeds)
        except reference_errors() as error:
            raise BadInput(f"the model does not run: {error}", where=self.shown) from error
        return tuple(head.array(value) for head, value in zip(self._heads, values, strict=True))

    def _check_shapes(self, inputs: Sequence[InputSpec]) -> None:
        shapes = {spec.name: spec.shape for spec in inputs}
        for value in self._inputs:
            sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim][1:]
            given = shapes[value.name]
            if value.type.tensor_type.HasField("shape") and (
                len(sizes) != len(given)
                or any(size > 0 and size != want for size, want in zip(sizes, given, strict=True))
            ):
                raise BadInput(
                    f"input {value.name} is {list(given)} after the steps, the model takes "
                    f"{[size or 'any' for size in sizes]}",
                    where=f"inputs.{value.name}.shape",
                )

    def _note(self, model: Any, opset: int, target: int, reasons: list[str]) -> None:
        if opset != target:
            self.notes += (f"kept at opset {opset}: {reasons[0]}",)
        kept = ml_operators(model)
        if kept:
            why = f" ({reasons[0]})" if reasons else ""
            self.notes += (f"{', '.join(kept)} stayed {ML_DOMAIN}, which only onnxruntime runs{why}",)

    def _converted(self, opset: int, inputs: Sequence[InputSpec], *, lowered: bool) -> Any:
        """The model at this opset, normalised; `lowered`: `ai.onnx.ml` written in standard operators."""
        import onnx

        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        merge_imports(model)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        if self._fixed_batch:
            _free_reshapes(model)
        if opset != opset_of(model):
            try:
                model = onnx.version_converter.convert_version(model, opset)
            except (onnx.version_converter.ConvertError, RuntimeError) as error:
                reason = str(error).strip().splitlines()[-1]
                raise ToolFailure(f"the converter refused: {reason}", where=self.shown) from error
        self._widen(model)
        _take_float32(model)
        if lowered:
            lower_ml_operators(model)
        return normalise(model, inputs, self.shown)

    def _difference(self, model: Any, batches: list[dict[str, NDArray[Any]]]) -> str:
        """Why the converted graph is not the original; "" where it is."""
        try:
            session = reference_session(model.SerializeToString())
            originals = [self.predict(batch) for batch in batches]
            if not agrees(originals, [session.run(None, batch) for batch in batches], self.rounding):
                return "the converted graph gives other values"
        except reference_errors() as error:
            return f"the converted graph does not run: {str(error).splitlines()[0]}"
        return ""


def _read(path: Path, shown: str) -> Any:
    import onnx

    if path.stat().st_size > LARGEST_BYTES:
        raise BadInput(f"{shown} is larger than 2 GB", where="model.source")
    model = read_graph(path, shown)
    size = sum(file.stat().st_size for file in external_files(path, shown, model))
    if size > LARGEST_BYTES:
        raise BadInput(f"{shown} with its external data is larger than 2 GB", where="model.source")
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
    except (onnx.checker.ValidationError, OSError, ValueError) as error:
        raise BadInput(f"{shown}: its external data is truncated ({error})", where="model.source") from None
    return model if _is_sorted(model) else _sorted(model)


def _is_sorted(model: Any) -> bool:
    """Whether each node comes behind those that it takes from. onnxruntime reads others, onnx does not."""
    ahead = {name for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if ahead.intersection(node.input):
            return False
        ahead.difference_update(node.output)
    return True


def _sorted(model: Any) -> Any:
    import onnx_ir

    ordered = onnx_ir.from_proto(model)
    ordered.graph.sort()
    return onnx_ir.to_proto(ordered)


def _check_weights(model: Any, shown: str) -> int:
    import onnx

    parameters = 0
    weights = [(weight.name, weight) for weight in model.graph.initializer]
    for node in model.graph.node:
        weights += [(node.output[0], a.t) for a in node.attribute if a.type == onnx.AttributeProto.TENSOR]
        for attribute in node.attribute:
            if attribute.floats:
                values = np.array(attribute.floats)
                check_finite(f"{node.op_type}.{attribute.name}", values, shown, trained=False)
                parameters += values.size if node.domain == "ai.onnx.ml" else 0
    for name, weight in weights:
        try:
            values = onnx.numpy_helper.to_array(weight)
        except (ValueError, TypeError) as error:
            raise BadInput(f"the weights {name} are truncated ({error})", where=shown) from None
        check_finite(name, values, shown, trained=False)
        parameters += values.size if values.dtype.kind == "f" else 0
    return parameters


def _check_opset(model: Any, shown: str) -> None:
    own = opset_of(model)
    foreign = {node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx", "ai.onnx.ml")}
    foreign -= {function.name for function in model.functions}
    if foreign:
        raise BadInput(
            f"{', '.join(sorted(foreign))} are not operators of ONNX",
            where=shown,
            remedy="export the plain float model, before any runtime optimised or quantised it",
        )
    classical = any(node.domain == "ai.onnx.ml" for node in model.graph.node)
    if own < (SMALLEST_CLASSICAL_OPSET if classical else SMALLEST_OPSET):
        raise BadInput(
            f"{shown} is at opset {own}; {SMALLEST_OPSET} is the oldest that is read",
            where="model.source",
            remedy=f"export the model again at opset {OPSET}",
        )


def _open(path: Path, shown: str) -> Any:
    try:
        return reference_session(path)
    except reference_errors() as error:
        raise BadInput(
            f"onnxruntime cannot load {shown}: {str(error).splitlines()[0]}", where="model.source"
        ) from error


def _dtype(value: Any, shown: str) -> str:
    import onnx

    names = {
        onnx.TensorProto.FLOAT: "float32",
        onnx.TensorProto.FLOAT16: "float16",
        onnx.TensorProto.DOUBLE: "float64",
    }
    element = value.type.tensor_type.elem_type
    if element not in names:
        raise BadInput(
            f"input {value.name} is not a float tensor",
            where=shown,
            remedy="export the model with float32 inputs; steps of the recipe convert raw data",
        )
    return names[element]


def _batch_axis(value: Any, shown: str) -> int:
    """The fixed size of the batch axis (only 1 is allowed), or 0 for a dynamic one."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return 0
    if not tensor.shape.dim:
        raise BadInput(f"input {value.name} has no batch axis", where=shown)
    size = int(tensor.shape.dim[0].dim_value)
    if size > 1:
        raise BadInput(
            f"input {value.name} has a fixed batch of {size}",
            where=shown,
            remedy="export it with a dynamic batch axis, or with batch 1",
        )
    return size


def _free_reshapes(model: Any) -> None:
    """Before: Reshape(x, [1, -1]) in a file of batch 1. After: Reshape(x, [0, -1]), which keeps the batch."""
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model)
    ones = {
        value.name
        for value in (*inferred.graph.value_info, *inferred.graph.input)
        if value.type.tensor_type.shape.dim and value.type.tensor_type.shape.dim[0].dim_value == 1
    }
    constants = {weight.name: weight for weight in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            constants[node.output[0]] = node.attribute[0].t
    for number, node in enumerate(list(model.graph.node)):
        if node.op_type != "Reshape" or node.input[0] not in ones or node.input[1] not in constants:
            continue
        shape = onnx.numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape.size == 0 or shape[0] != 1 or any(a.name == "allowzero" and a.i for a in node.attribute):
            continue
        shape[0] = 0
        name = f"{node.input[1]}_free_{number}"
        model.graph.initializer.append(onnx.numpy_helper.from_array(shape, name))
        node.input[1] = name


def _take_float32(model: Any) -> None:
    """Before: a float64 input. After: a float32 input of the same name with a Cast behind it."""
    import onnx

    graph = model.graph
    for value in graph.input:
        if value.type.tensor_type.elem_type != onnx.TensorProto.DOUBLE:
            continue
        inner = f"{value.name}_as_float64"
        for node in graph.node:
            for i, name in enumerate(node.input):
                if name == value.name:
                    node.input[i] = inner
        cast = onnx.helper.make_node(
            "Cast", [value.name], [inner], name=f"Cast_{value.name}", to=onnx.TensorProto.DOUBLE
        )
        graph.node.insert(0, cast)
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
