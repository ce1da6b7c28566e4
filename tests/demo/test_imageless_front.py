"""The quantiser leaves the imageless model's own front in float: everything before its first convolution."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from edgemed.compress.keep_float import float_nodes


@pytest.mark.slow
def test_all_nodes_before_the_first_convolution_stay_in_float_and_no_layer_but_the_last(tmp_path: Path):
    import torch

    from edgemed.demo.models.signal_cnn import build

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            build().eval(), (torch.randn(2, 2, 1024),), dynamo=True, opset_version=20, verbose=False
        )
    program.save(tmp_path / "model.onnx")
    nodes = program.model_proto.graph.node
    first = [node.op_type for node in nodes].index("Conv")
    kept = set(float_nodes(tmp_path / "model.onnx"))
    assert first > 5
    assert {node.name for node in nodes[:first]} <= kept
    assert not {node.name for node in nodes if node.op_type == "Conv"} & kept
