"""write_graph: a trained model as one checked ONNX graph, preprocessing in front and probabilities behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgemed.preprocess import attach as attach_front
from edgemed.sources import TrainedModel, check_parity, finish
from edgemed.sources.parity import random_batch
from edgemed.stages.front import Front
from edgemed.stages.inputs import REAL_SAMPLES, Arrays, Inputs
from edgemed.types import Graph, OutputRecipe, ParityFacts, Recipe, Step, digest_of_file

GRAPH_FILE = "graph.onnx"
_PARITY_BATCHES = (1, 2, 5)


def write_graph(
    trained: TrainedModel,
    recipe: Recipe,
    inputs: Inputs,
    outputs: Mapping[str, OutputRecipe],
    samples: list[Arrays],
    folder: Path,
) -> tuple[Graph, ParityFacts]:
    """Write `GRAPH_FILE` into `folder`, compared with the trained model. `samples` are raw ones.

    Raises `BadInput` where it cannot be exported, differs, or contradicts `outputs`.
    """
    raw, tensors = inputs.raw, inputs.tensors
    core = folder / "core.onnx"
    trained.export(tensors, core)
    opset = _opset(core)
    batches = [random_batch(tensors, rows, recipe.seed + rows) for rows in _PARITY_BATCHES]
    real = (
        Front(inputs.front, raw).run(samples) if samples else random_batch(tensors, REAL_SAMPLES, recipe.seed)
    )
    checked = check_parity(trained, core, [*batches, real])
    sizes = ", ".join(map(str, checked.batch_sizes))
    parity = ParityFacts(
        f"exported graph against the {trained.kind} original, batches of {sizes}",
        sum(checked.batch_sizes),
        checked.difference,
        checked.tolerance,
        note="last batch is real data" if samples else "random data only",
    )
    finished = folder / "finished.onnx"
    specs = finish(core, finished, dict(outputs), real)
    steps: dict[str, Sequence[Step]] = {name: spec.steps for name, spec in recipe.inputs.items()}
    attach_front(finished, raw, steps, folder / GRAPH_FILE)
    for scrap in (core, finished):
        scrap.unlink()
    digest = digest_of_file(folder / GRAPH_FILE)
    return Graph(GRAPH_FILE, digest, raw, specs, opset, trained.parameters), parity


def _opset(path: Path) -> int:
    import onnx

    model = onnx.load(path, load_external_data=False)
    return int(next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")))
