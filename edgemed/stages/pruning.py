"""Stages `prune`, `recover` and `pruned-graph`: from the trained module to a smaller one's ONNX graph."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgemed.cache import Stage
from edgemed.compress.distillation import Head
from edgemed.compress.history import History
from edgemed.compress.plain_weights import make_weights_plain
from edgemed.compress.prune import prune, replay
from edgemed.compress.recover import recover
from edgemed.compress.sample_order import SampleOrder
from edgemed.errors import BadInput, DiskFull, EdgemedError, ToolFailure
from edgemed.sources import load_trained_model
from edgemed.sources.digest import source_digest
from edgemed.sources.parity import random_batch
from edgemed.stages.front import Front
from edgemed.stages.graph_file import GRAPH_FILE, write_graph
from edgemed.stages.inputs import Arrays, Inputs, real_samples
from edgemed.stages.job import Job, SetSource
from edgemed.stages.step_files import with_files_from
from edgemed.stages.stored_tensors import StoredTensors, tensors_of
from edgemed.types import (
    Graph,
    ModelFacts,
    OutputRecipe,
    ParityFacts,
    Pruning,
    PruningFacts,
    Recipe,
    Recovery,
    RecoveryCourse,
    digest_of,
    digest_of_file,
)

_HISTORY_FILE = "history.json"
_WEIGHTS_FILE = "weights.safetensors"
_EXAMPLES = 2
_FEWEST = 3
"""Samples of which two train, for BatchNorm, and one watches."""
_CHECKPOINT = "recovery-{}.safetensors"
_REMOVAL = ("ratio", "layers", "round_to")
"""Of the recipe's keys those that recovery does not read."""


@dataclass(frozen=True)
class Removal:
    """What `prune` removed, and the stage whose file removes it again."""

    pruning: Pruning
    stage: Stage

    @property
    def history(self) -> Path:
        return self.stage.folder / _HISTORY_FILE


@dataclass(frozen=True)
class Pruned:
    """The pruned model: its graph, or why there is none, and what was done to it."""

    graph: Graph | str
    facts: PruningFacts
    parity: tuple[ParityFacts, ...] = ()


def stamps_of(pruned: Pruned | None) -> tuple[str, ...]:
    """What ships with the pruned artefacts."""
    return (pruned.facts.unrecovered,) if pruned is not None and pruned.facts.unrecovered else ()


def remove_channels(job: Job, inputs: Inputs) -> Removal | None:
    """Find what goes, which takes seconds, so before anything slow; None where the recipe prunes nothing.

    Raises `BadInput` where a ratio empties a layer, an entry names none, or no layer can be pruned.
    """
    spec = job.recipe.prune
    if not spec.wanted:
        return None
    depends_on = {
        "model": source_digest(job.recipe.model, job.base),
        "inputs": inputs.key,
        "prune": [spec.ratio, list(spec.layers.items()), spec.round_to],
        # not the samples' values, which only try the cut
        "samples": [job.recipe.seed, job.recipe.data.skip_bad],
        "versions": job.versions("torch", "torch-pruning"),
    }
    stage = job.run("prune", "removing channels", depends_on, _remove, job.recipe, str(job.base), inputs)
    return Removal(Pruning.from_dict(stage.facts), stage)


def make_pruned(
    job: Job,
    inputs: Inputs,
    removal: Removal | None,
    whole: Graph,
    model: ModelFacts,
    calibrate: SetSource | None,
) -> Pruned | None:
    """Recover the pruned module where there are samples and a budget, and export it.

    A recovery or an export that fails costs the pruned candidates only.
    """
    if removal is None:
        return None
    try:
        weights, facts = _recovered(job, inputs, removal, whole, model, calibrate)
    except DiskFull:
        raise
    except (BadInput, ToolFailure) as error:
        return _dropped(job, f"recovery failed: {_told(error)}", PruningFacts(removal.pruning))
    try:
        graph, parity = _exported(job, inputs, removal, weights, whole, model, calibrate)
    except DiskFull:
        raise
    except (BadInput, ToolFailure) as error:
        return _dropped(job, _told(error), facts)
    return Pruned(graph, facts, (parity,))


def _dropped(job: Job, problem: str, facts: PruningFacts) -> Pruned:
    job.reporter.warn(f"the pruned model is dropped: {problem}")
    return Pruned(f"pruning: {problem}", replace(facts, dropped=problem))


def _told(error: EdgemedError) -> str:
    return "; ".join(filter(None, (error.problem, error.remedy)))


def _recovered(
    job: Job, inputs: Inputs, removal: Removal, whole: Graph, model: ModelFacts, calibrate: SetSource | None
) -> tuple[Path | None, PruningFacts]:
    """The file of recovered weights, None where there is nothing to recover with or no time to.

    A checkpoint lies beside the stages while it is made: an interrupted recovery goes on.
    """
    recipe = job.recipe
    if calibrate is None or not recipe.prune.budget_min:
        why = "no calibration set" if calibrate is None else "--budget 0"
        return None, PruningFacts(removal.pruning, None, f"pruned without recovery ({why})")
    heads = tuple(Head(spec.name, spec.kind, model.endings[spec.name]) for spec in whole.outputs)
    source = replace(calibrate, outputs=whole.outputs if recipe.prune.use_labels else ())
    depends_on = {
        "removal": removal.stage.key,
        "calibrate": calibrate.sha256,
        "labels": _labels_digest(source) if recipe.prune.use_labels else "",
        "spec": {name: value for name, value in recipe.prune.to_dict().items() if name not in _REMOVAL},
        "seed": recipe.seed,
        "heads": [[head.name, head.kind, head.ending] for head in heads],
        "versions": job.versions("torch", "onnxruntime"),
    }
    course = None if job.decisions is None else job.decisions.recovery
    if course is not None:
        depends_on["course"] = course.to_dict()
    checkpoint = job.cache.root / _CHECKPOINT.format(digest_of(depends_on)[:16])
    stage = job.run(
        "recover", "recovering by distillation", depends_on,
        _recover, recipe, str(job.base), inputs, str(removal.history), source, heads, str(checkpoint),
        course,
    )  # fmt: skip
    recovery = Recovery.from_dict(stage.facts)
    job.warn(recovery.notes)
    if not stage.cached:
        for each in job.cache.root.glob(_CHECKPOINT.format("*")):
            each.unlink(missing_ok=True)
    failed = f"recovery failed: {recovery.failure}" if recovery.failure else ""
    return stage.folder / _WEIGHTS_FILE, PruningFacts(removal.pruning, recovery, failed)


def _exported(
    job: Job,
    inputs: Inputs,
    removal: Removal,
    weights: Path | None,
    whole: Graph,
    model: ModelFacts,
    calibrate: SetSource | None,
) -> tuple[Graph, ParityFacts]:
    outputs = {
        spec.name: OutputRecipe(kind=spec.kind, ending=model.endings[spec.name]) for spec in whole.outputs
    }
    depends_on = {
        "removal": removal.stage.key,
        "weights": digest_of_file(weights) if weights is not None else "",
        "outputs": {name: each.to_dict() for name, each in outputs.items()},
        "calibrate": calibrate.sha256 if calibrate is not None else "",
        "seed": job.recipe.seed,
        "versions": job.versions("torch", "onnx", "onnxscript", "onnxruntime"),
    }
    stage = job.run(
        "pruned-graph", "exporting the pruned model", depends_on,
        _export, job.recipe, str(job.base), inputs, str(removal.history), str(weights or ""), outputs,
    )  # fmt: skip
    graph = Graph.from_dict({**stage.facts["graph"], "path": str(stage.folder / GRAPH_FILE)})
    return replace(graph, outputs=whole.outputs), ParityFacts.from_dict(stage.facts["parity"])


def _remove(recipe: Recipe, base: str, inputs: Inputs, folder: Path) -> dict[str, Any]:
    trained = load_trained_model(recipe.model, Path(base))
    pair = _two_that_differ(real_samples(recipe, inputs.raw, Path(base)))
    example = (
        Front(inputs.front, inputs.raw).run(pair)
        if pair
        else random_batch(inputs.tensors, _EXAMPLES, recipe.seed)
    )
    pruning, history = prune(trained.module(), tensors_of(example), recipe.prune)
    (folder / _HISTORY_FILE).write_text(history.to_json(), encoding="utf-8")
    return pruning.to_dict()


def _two_that_differ(samples: list[Arrays]) -> list[Arrays]:
    """The first and the next that is another; none where all are alike, as blank slices are."""
    for other in samples[1:]:
        if any(not np.array_equal(array, samples[0][name]) for name, array in other.items()):
            return [samples[0], other]
    return []


def _recover(
    recipe: Recipe,
    base: str,
    inputs: Inputs,
    history_file: str,
    source: SetSource,
    heads: tuple[Head, ...],
    checkpoint: str,
    course: RecoveryCourse | None,
    folder: Path,
) -> dict[str, Any]:
    from safetensors.torch import save_file

    teacher = load_trained_model(recipe.model, Path(base)).module()
    make_weights_plain(teacher)
    student = copy.deepcopy(teacher)
    history = _history(history_file)
    replay(student, history)
    samples = StoredTensors(source.open(), Front(inputs.front, inputs.raw), inputs.tensors, folder)
    if len(samples) < _FEWEST:
        raise BadInput(
            f"{len(samples)} calibration samples are too few to recover with",
            where="--calibrate",
            remedy="give more, or --budget 0 to prune without recovery",
        )
    order = SampleOrder(len(samples), recipe.prune.batch, recipe.seed)
    done = recover(
        student, teacher, history, heads,
        lambda epoch: samples.batches(order.training(epoch)), lambda: samples.batches(order.watching()),
        recipe.prune,
        seed=recipe.seed, checkpoint=Path(checkpoint), course=course,
    )  # fmt: skip
    samples.remove()
    state = {name: value.detach().clone().contiguous() for name, value in student.state_dict().items()}
    save_file(state, folder / _WEIGHTS_FILE)
    return done.to_dict()


def _export(
    recipe: Recipe,
    base: str,
    inputs: Inputs,
    history_file: str,
    weights: str,
    outputs: Mapping[str, OutputRecipe],
    folder: Path,
) -> dict[str, Any]:
    from safetensors.torch import load_file

    trained = load_trained_model(recipe.model, Path(base))
    module = trained.module()
    replay(module, _history(history_file))
    if weights:
        module.load_state_dict(load_file(weights), strict=True)
    module.eval()
    trained.parameters = sum(value.numel() for value in module.parameters())
    samples = real_samples(recipe, inputs.raw, Path(base))
    placed = with_files_from(recipe, Path(base))
    graph, parity = write_graph(trained, placed, inputs, outputs, samples, folder)
    parity = replace(parity, what=f"pruned: {parity.what}")
    return {"graph": graph.to_dict(), "parity": parity.to_dict()}


def _labels_digest(source: SetSource) -> str:
    return digest_of(
        [
            [name, {output: np.asarray(value).tolist() for output, value in labels.items()}]
            for name, labels in source.open().targets()
        ]
    )


def _history(file: str) -> History:
    return History.from_json(Path(file).read_text(encoding="utf-8"), where=file)
