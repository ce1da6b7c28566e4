"""Pruning and recovery: what was removed from a model, and how it was trained again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgemed.types.record import Record


@dataclass(frozen=True)
class LayerChange(Record):
    """One layer before and after. `unit` counts the outputs: channels, or heads of an attention."""

    name: str
    op: str
    unit: Literal["channels", "heads"]
    outputs_before: int
    outputs_after: int
    inputs_before: int
    inputs_after: int


@dataclass(frozen=True)
class LeftAlone(Record):
    """A layer all of whose outputs stay, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Pruning(Record):
    """What was removed. Parameters are counts; MACs are multiply-adds of one sample."""

    layers: tuple[LayerChange, ...]
    left_alone: tuple[LeftAlone, ...]
    parameters_before: int
    parameters_after: int
    macs_before: int
    macs_after: int


@dataclass(frozen=True)
class Recovery(Record):
    """Distillation of the pruned model from the original on the calibration set.

    Losses are of held-out calibration samples: after pruning, after BatchNorm was estimated again, and after
    each epoch, None where it was not finite. What is kept is the state of `loss_best`, in or behind the epoch
    `best_epoch`; 0 is before the first.
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


@dataclass(frozen=True)
class PruningFacts(Record):
    """`recovery` is None where there was none: the artefacts are then stamped so."""

    pruning: Pruning
    recovery: Recovery | None = None
