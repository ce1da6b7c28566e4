"""Pruning and recovery: what was removed from a model, and how it was trained again."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from edgemed.types.decisions import RecoveryCourse
from edgemed.types.record import Record


class LayerChange(Record):
    """One layer before and after. `unit` counts the outputs: channels, or heads of an attention."""

    name: str
    op: str
    unit: Literal["channels", "heads"]
    outputs_before: int
    outputs_after: int
    inputs_before: int
    inputs_after: int


class LeftAlone(Record):
    """A layer all of whose outputs stay, and why."""

    name: str
    reason: str


class Pruning(Record):
    """What was removed. Parameters are counts; MACs are multiply-adds of one sample."""

    layers: tuple[LayerChange, ...]
    left_alone: tuple[LeftAlone, ...]
    parameters_before: int
    parameters_after: int
    macs_before: int
    macs_after: int


class Recovery(Record):
    """Distillation of the pruned model from the original on the calibration set.

    `samples` were trained on, `held_out` more were not. Losses are mean distances from the original's answers
    on these: after pruning, after BatchNorm was estimated again, and after each epoch, None where not finite.
    What is kept is the state of `loss_best`, in or behind the epoch `best_epoch`; 0 is before the first: the
    pruned model with BatchNorm estimated again, or without where that was worse. `epochs_planned` are as many
    of the recipe's as the budget has room for. `minutes` are those of interrupted runs too.
    """

    samples: int
    held_out: int
    loss_pruned: float | None
    loss_batch_norm: float | None
    losses: tuple[float | None, ...]
    loss_best: float
    best_epoch: int
    epochs_planned: int
    minutes: float
    stopped: Literal["epochs", "budget", "diverged"]
    labelled: bool = False
    notes: tuple[str, ...] = ()
    course: RecoveryCourse = field(default_factory=RecoveryCourse)

    @property
    def failure(self) -> str:
        """Why it made nothing better; empty where it did."""
        if self.best_epoch:
            return ""
        return {
            "epochs": "no epoch made the model better",
            "budget": "nothing within its budget made the model better",
            "diverged": "it diverged before it had made the model better",
        }[self.stopped]


class PruningFacts(Record):
    """`recovery` is None where there was none. `unrecovered` is why the model answers as pruning left it, and
    the stamp of its artefacts; empty where a recovery made it better. `dropped` is why there is no pruned
    model after all; empty where there is one."""

    pruning: Pruning
    recovery: Recovery | None = None
    unrecovered: str = ""
    dropped: str = ""
