"""The section on pruning: what was removed, what stayed and why, and how the model was trained again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgemed.report.numerals import NO_BREAK, amount, count, share, significant
from edgemed.types.compilation import CandidateResult, Compilation
from edgemed.types.pruning import LayerChange, Recovery

_STOPPED = {
    "epochs": "all planned epochs were done",
    "budget": "the budget has room for no more",
    "diverged": "it diverged",
}
MOST_OPEN = 16
"""A table of more layers than that is folded."""


@dataclass(frozen=True)
class Stay:
    """Layers all of whose outputs stay, for one reason."""

    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class KeyFigure:
    title: str
    value: str
    was: str


@dataclass(frozen=True)
class LossRow:
    """One state of the model and its loss on the held-out samples, None where that was not finite."""

    state: str
    loss: float | None
    kept: bool

    @property
    def text(self) -> str:
        return "not finite" if self.loss is None else significant(self.loss)


@dataclass(frozen=True)
class PruningSection:
    key: tuple[KeyFigure, ...]
    layers: tuple[LayerChange, ...]
    folded: bool
    stays: tuple[Stay, ...]
    left_alone: int
    recovery: Recovery | None
    unrecovered: str
    dropped: str
    all_dropped: str
    how: tuple[tuple[str, str], ...]
    losses: tuple[LossRow, ...]
    """Before the first epoch, after the last one, and the smallest."""


def pruning_section(compilation: Compilation) -> PruningSection | None:
    """None where nothing was pruned. The recovery of a model that was dropped is not told."""
    facts = compilation.pruning
    if facts is None:
        return None
    pruning, recovery = facts.pruning, None if facts.dropped else facts.recovery
    stays: dict[str, list[str]] = {}
    for each in pruning.left_alone:
        stays.setdefault(each.reason, []).append(each.name)
    return PruningSection(
        key=(
            _key("Parameters", pruning.parameters_before, pruning.parameters_after),
            _key("Multiply-adds per case", pruning.macs_before, pruning.macs_after),
        ),
        layers=pruning.layers,
        folded=len(pruning.layers) > MOST_OPEN,
        stays=tuple(Stay(reason, tuple(names)) for reason, names in stays.items()),
        left_alone=len(pruning.left_alone),
        recovery=recovery,
        unrecovered=facts.unrecovered,
        dropped=facts.dropped,
        all_dropped=all_dropped(compilation),
        how=() if recovery is None else _how(recovery, compilation.recipe["prune"]["epochs"]),
        losses=() if recovery is None else _told(loss_rows(recovery)),
    )


def all_dropped(compilation: Compilation) -> str:
    """That every pruned candidate was dropped, and what to try where none agrees; empty where one is kept."""
    pruned = [each for each in compilation.candidates if each.pruned and each.status != "failed"]
    facts = compilation.pruning
    if facts is None or not pruned or any(each.status == "kept" for each in pruned):
        return ""
    told = "all pruned candidates are dropped"
    if not all(map(_disagrees, pruned)):
        return told
    return f"{told}: try {_to_try(facts.recovery, compilation.recipe)}"


def _disagrees(candidate: CandidateResult) -> bool:
    refused = candidate.reason.startswith("refused on the acceptance set: ")
    return refused or "does not agree: " in candidate.reason


def _to_try(recovery: Recovery | None, recipe: dict[str, Any]) -> str:
    if recovery is None:
        return "a larger --budget" if recipe["data"]["calibrate"] else "--calibrate SET, to recover on"
    return "a larger --budget" if recovery.stopped == "budget" else "a smaller --prune"


def epochs_done(recovery: Recovery, most: int) -> str:
    """How many, of those planned; `most` are the recipe's."""
    done, planned = len(recovery.losses), recovery.epochs_planned
    if planned >= most:
        return f"{done} of {planned} epochs"
    if done < planned:
        return f"{done} of the {planned} epochs that the budget allows (of {most})"
    return f"{done} epoch{'s' if done != 1 else ''}, as many as the budget allows (of {most})"


def left(before: int, after: int) -> str:
    """`48.68 %` of what there was."""
    return share(after / before) if before else share(1.0)


def loss_rows(recovery: Recovery) -> tuple[LossRow, ...]:
    """After pruning, after BatchNorm was estimated again, after each epoch, and where the budget cut one."""
    rows = [("after pruning", recovery.loss_pruned), ("after BatchNorm", recovery.loss_batch_norm)]
    rows += [(f"epoch {number}", loss) for number, loss in enumerate(recovery.losses, 1)]
    if recovery.best_epoch > len(recovery.losses):
        rows.append((f"epoch {recovery.best_epoch}, cut by the budget", recovery.loss_best))
    start = int(recovery.loss_batch_norm == recovery.loss_best)
    kept = recovery.best_epoch + 1 if recovery.best_epoch else start
    return tuple(LossRow(state, loss, index == kept) for index, (state, loss) in enumerate(rows))


def _told(rows: tuple[LossRow, ...]) -> tuple[LossRow, ...]:
    return tuple(row for index, row in enumerate(rows) if index < 2 or row.kept or index == len(rows) - 1)


def _key(title: str, before: int, after: int) -> KeyFigure:
    return KeyFigure(title, amount(after), f"original {amount(before)}; {left(before, after)} left")


def _how(recovery: Recovery, most_epochs: int) -> tuple[tuple[str, str], ...]:
    labels = "with labels" if recovery.labelled else "without labels"
    held_out = f"{count(recovery.held_out)} more held out"
    return (
        ("Samples", f"{count(recovery.samples)} of the calibration set, {labels}; {held_out}"),
        ("Epochs", epochs_done(recovery, most_epochs)),
        ("Time", f"{significant(recovery.minutes)}{NO_BREAK}min"),
        ("Stopped because", _STOPPED[recovery.stopped]),
    )
