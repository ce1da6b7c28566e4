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
from edgemed.compress.prune import prune, replay
from edgemed.compress.recover import Recovery as RecoveryResult
from edgemed.compress.recover import recover
from edgemed.compress.sample_order import SampleOrder
from edgemed.errors import BadInput, DiskFull, ToolFailure
from edgemed.sources import load_trained_model
from edgemed.sources.digest import source_digest
from edgemed.sources.parity import random_batch
from edgemed.stages.front import Front
from edgemed.stages.graph_file import GRAPH_FILE, write_graph
from edgemed.stages.inputs import Inputs, real_samples
from edgemed.stages.job import Job, SetSource
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
    digest_of,
)

WITHOUT_RECOVERY = "pruned without recovery"
_HISTORY_FILE = "history.json"
_WEIGHTS_FILE = "weights.safetensors"
_EXAMPLES = 2
_NOT_TRAINING = ("ratio", "layers", "round_to", "budget_min")
"""Of the recipe's keys: the removal's own, and what may differ between two runs of one recovery."""


@dataclass(frozen=True)
class Removed:
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
    if pruned is None or (pruned.facts.recovery is not None and pruned.facts.recovery.best_epoch):
        return ()
    return (WITHOUT_RECOVERY,)


def remove_channels(job: Job, inputs: Inputs) -> Removed | None:
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
        "versions": job.versions("torch", "torch-pruning"),
    }
    stage = job.run("prune", "removing channels", depends_on, _remove, job.recipe, str(job.base), inputs)
    return Removed(Pruning.from_dict(stage.facts), stage)


def make_pruned(
    job: Job,
    inputs: Inputs,
    removal: Removed | None,
    whole: Graph,
    model: ModelFacts,
    calibrate: SetSource | None,
) -> Pruned | None:
    """Recover the pruned module where there are samples and a budget, and export it.

    A recovery or an export that fails costs the pruned candidates only.
    """
    if removal is None:
        return None
    weights, recovery = removal.stage, None
    try:
        if calibrate is not None and job.recipe.prune.budget_min:
            weights, recovery = _recovered(job, inputs, removal, whole, model, calibrate)
        graph, parity = _exported(job, inputs, removal, weights, whole, model, calibrate)
    except DiskFull:
        raise
    except (BadInput, ToolFailure) as error:
        job.reporter.warn(f"the pruned model is dropped: {error.problem}")
        return Pruned(f"pruning: {error.problem}", PruningFacts(removal.pruning, recovery))
    return Pruned(graph, PruningFacts(removal.pruning, recovery), (parity,))


def _recovered(
    job: Job, inputs: Inputs, removal: Removed, whole: Graph, model: ModelFacts, calibrate: SetSource
) -> tuple[Stage, Recovery]:
    """A checkpoint lies beside the stages: an interrupted recovery, or one cut by its budget, goes on."""
    recipe = job.recipe
    heads = tuple(Head(spec.name, spec.kind, model.endings[spec.name]) for spec in whole.outputs)
    source = replace(calibrate, outputs=whole.outputs if recipe.prune.use_labels else ())
    depends_on = {
        "removal": removal.stage.key,
        "calibrate": calibrate.sha256,
        "labels": _labels_digest(source) if recipe.prune.use_labels else "",
        "spec": {name: value for name, value in recipe.prune.to_dict().items() if name not in _NOT_TRAINING},
        "seed": recipe.seed,
        "heads": [[head.name, head.kind, head.ending] for head in heads],
        "versions": job.versions("torch", "onnxruntime"),
    }
    checkpoint = job.cache.root / f"recovery-{digest_of(depends_on)[:16]}.safetensors"
    stage = job.run(
        "recover", "recovering by distillation", {**depends_on, "budget_min": recipe.prune.budget_min},
        _recover, recipe, str(job.base), inputs, str(removal.history), source, heads, str(checkpoint),
    )  # fmt: skip
    recovery = Recovery.from_dict(stage.facts)
    job.warn(recovery.notes)
    if recovery.stopped != "budget":
        checkpoint.unlink(missing_ok=True)
    return stage, recovery


def _exported(
    job: Job,
    inputs: Inputs,
    removal: Removed,
    weights: Stage,
    whole: Graph,
    model: ModelFacts,
    calibrate: SetSource | None,
) -> tuple[Graph, ParityFacts]:
    outputs = {
        spec.name: OutputRecipe(kind=spec.kind, ending=model.endings[spec.name]) for spec in whole.outputs
    }
    depends_on = {
        "weights": weights.key,
        "outputs": {name: each.to_dict() for name, each in outputs.items()},
        "calibrate": calibrate.sha256 if calibrate is not None else "",
        "seed": job.recipe.seed,
        "versions": job.versions("torch", "onnx", "onnxscript", "onnxruntime"),
    }
    own = weights.folder / _WEIGHTS_FILE
    stage = job.run(
        "pruned-graph", "exporting the pruned model", depends_on,
        _export, job.recipe, str(job.base), inputs, str(removal.history), str(own) if own.exists() else "",
        outputs,
    )  # fmt: skip
    graph = Graph.from_dict({**stage.facts["graph"], "path": str(stage.folder / GRAPH_FILE)})
    return replace(graph, outputs=whole.outputs), ParityFacts.from_dict(stage.facts["parity"])


def _remove(recipe: Recipe, base: str, inputs: Inputs, folder: Path) -> dict[str, Any]:
    trained = load_trained_model(recipe.model, Path(base))
    samples = real_samples(recipe, inputs.raw, Path(base))[:_EXAMPLES]
    example = (
        Front(inputs.front, inputs.raw).run(samples)
        if len(samples) == _EXAMPLES
        else random_batch(inputs.tensors, _EXAMPLES, recipe.seed)
    )
    pruning, history = prune(trained.module(), tensors_of(example), recipe.prune)
    (folder / _HISTORY_FILE).write_text(history.to_json(), encoding="utf-8")
    return pruning.to_dict()


def _recover(
    recipe: Recipe,
    base: str,
    inputs: Inputs,
    history_file: str,
    source: SetSource,
    heads: tuple[Head, ...],
    checkpoint: str,
    folder: Path,
) -> dict[str, Any]:
    from safetensors.torch import save_file

    teacher = load_trained_model(recipe.model, Path(base)).module()
    student = copy.deepcopy(teacher)
    history = _history(history_file)
    replay(student, history)
    samples = StoredTensors(source.open(), Front(inputs.front, inputs.raw), inputs.tensors, folder)
    order = SampleOrder(len(samples), recipe.prune.batch, recipe.seed)
    done = recover(
        student, teacher, history, heads,
        lambda epoch: samples.batches(order.training(epoch)), lambda: samples.batches(order.watching()),
        recipe.prune,
        seed=recipe.seed, checkpoint=Path(checkpoint),
    )  # fmt: skip
    labelled = samples.labelled
    samples.remove()
    state = {name: value.detach().clone().contiguous() for name, value in student.state_dict().items()}
    save_file(state, folder / _WEIGHTS_FILE)
    held_out = sum(map(len, order.watching()))
    recovery = Recovery(
        samples=len(samples) - held_out,
        held_out=held_out,
        loss_pruned=done.loss_pruned,
        loss_batch_norm=done.loss_batch_norm,
        losses=done.losses,
        epochs_planned=done.epochs_planned,
        minutes=done.seconds / 60.0,
        stopped="diverged" if done.diverged else "budget" if done.cut_by_budget else "epochs",
        loss_best=done.loss_best,
        best_epoch=done.best_epoch,
        labelled=labelled,
        notes=_notes(done, wants_labels=recipe.prune.use_labels, labelled=labelled),
    )
    return recovery.to_dict()


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
    graph, parity = write_graph(
        trained, recipe, inputs, outputs, real_samples(recipe, inputs.raw, Path(base)), folder
    )
    parity = replace(parity, what=f"pruned: {parity.what}")
    return {"graph": graph.to_dict(), "parity": parity.to_dict()}


def _labels_digest(source: SetSource) -> str:
    return digest_of(
        [
            [name, {output: np.asarray(value).tolist() for output, value in labels.items()}]
            for name, labels in source.open().targets()
        ]
    )


def _notes(done: RecoveryResult, *, wants_labels: bool, labelled: bool) -> tuple[str, ...]:
    notes = list(done.warnings)
    if wants_labels and not labelled:
        notes.append("the calibration set has no labels: prune.use_labels changed nothing")
    if done.rate_lowered:
        notes.append(
            "the recovery diverged and went on from its best state with a tenth of the learning rate"
        )
    if done.diverged:
        notes.append("it diverged again and was stopped: give a smaller prune.learning_rate or prune.ratio")
    if done.best_epoch == 0:
        notes.append("no epoch was better than the pruned net with BatchNorm estimated again, which is kept")
    return tuple(notes)


def _history(file: str) -> History:
    return History.from_json(Path(file).read_text(encoding="utf-8"), where=file)
