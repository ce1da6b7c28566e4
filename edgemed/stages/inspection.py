"""What a trained model holds, for `edgemed inspect` and `edgemed init`. Run it in a child process."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from edgemed.sources import load_trained_model
from edgemed.sources.exported import Exported
from edgemed.types import ModelSpec


def inspect_model(spec: ModelSpec) -> dict[str, Any]:
    """kind, sha256, parameters, inputs (name, shape or None).

    For `.pt2` and `.onnx` also outputs, for `.onnx` opset and operators.
    """
    trained = load_trained_model(spec, Path())
    shapes = {each.name: list(each.shape) for each in trained.input_specs() or ()}
    facts: dict[str, Any] = {
        "kind": trained.kind,
        "sha256": trained.digest,
        "parameters": trained.parameters,
        "inputs": [{"name": name, "shape": shapes.get(name)} for name in trained.input_names()],
    }
    if isinstance(trained, Exported):
        facts["outputs"] = list(trained.output_names(()))
    if spec.source.endswith(".onnx"):
        import onnx

        model = onnx.load(spec.source, load_external_data=False)
        facts["opset"] = ", ".join(
            f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import
        )
        facts["outputs"] = [value.name for value in model.graph.output]
        facts["operators"] = dict(Counter(node.op_type for node in model.graph.node).most_common())
    return facts
