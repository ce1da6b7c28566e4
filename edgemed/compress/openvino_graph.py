"""Reads an ONNX graph into OpenVINO in the shape that NNCF quantises well; weights stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgemed.errors import ToolFailure


def read_for_quantiser(graph: Path) -> Any:
    """The openvino.Model of `graph` for a batch of 1, folded, without products with 1, with Swish.

    The batch is the one that the backend compiles for; with an open one, OpenVINO 2026.4.1 cannot compile a
    product with a matrix behind which three channels are scaled apart (resize, then mean and std).

    Unfolded, the weights of a grouped convolution get their scales along the wrong axis. A Gemm is read with
    a product by alpha, behind which biases are not corrected. Apart, Sigmoid and product get three quantisers
    where one behind the Swish will do. OpenVINO's own set of fusions would also change weights, which then no
    longer are the ONNX file's. Raises `ToolFailure`.
    """
    import openvino as ov
    from openvino.passes import ConstantFolding, Manager

    try:
        model = ov.Core().read_model(graph)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise ToolFailure(
            f"int8 needs OpenVINO to read the graph, which it cannot: {' '.join(lines[-2:])[:300]}",
            where=graph.name,
        ) from None
    model.reshape({port: [1, *list(port.partial_shape)[1:]] for port in model.inputs})
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    _drop_unit_products(model)
    _fuse_swish(model)
    return model


def _drop_unit_products(model: Any) -> None:
    """Before: Multiply(1, MatMul). After: MatMul."""
    for product in model.get_ordered_ops():
        if product.get_type_name() == "Multiply" and not product.output(0).get_names():
            for one, x in ((0, 1), (1, 0)):
                constant = product.input_value(one).get_node()
                value = product.input_value(x)
                if (
                    constant.get_type_name() == "Constant"
                    and value.get_node().get_type_name() == "MatMul"
                    and constant.get_output_size() == 1
                    and constant.get_output_partial_shape(0).rank.get_length() == 0
                    and float(constant.get_data()) == 1.0
                ):
                    product.output(0).replace(value)


def _fuse_swish(model: Any) -> None:
    """Before: Multiply(x, Sigmoid(x)). After: Swish(x), where nothing else takes the Sigmoid."""
    from openvino import opset13
    from openvino.utils import replace_node

    for product in model.get_ordered_ops():
        if product.get_type_name() != "Multiply":
            continue
        for x, gate in ((0, 1), (1, 0)):
            sigmoid = product.input_value(gate).get_node()
            if (
                sigmoid.get_type_name() == "Sigmoid"
                and sigmoid.input_value(0) == product.input_value(x)
                and len(sigmoid.output(0).get_target_inputs()) == 1
            ):
                swish = opset13.swish(product.input_value(x))
                swish.set_friendly_name(product.get_friendly_name())
                replace_node(product, swish)
                break
