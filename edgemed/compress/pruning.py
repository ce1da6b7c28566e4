"""Pruning: what structured pruning has removed, and the cuts that remove it again from a fresh module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgemed.types import Record

Side = Literal["out", "in", "parameter"]


@dataclass(frozen=True)
class Cut(Record):
    """Channels that go: `removed` are their places in the whole module.

    `target` is a module's name and `side` says whether its outputs or inputs are meant (the same for a norm),
    or a parameter's name, and `axis` says along which axis.
    """

    target: str
    side: Side
    removed: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True)
class Setting(Record):
    """A number of a module's, such as `num_heads`, that goes with the cuts."""

    module: str
    attribute: str
    value: int


@dataclass(frozen=True)
class History(Record):
    """Makes the same structure from the unpruned module: `edgemed.compress.prune.replay`."""

    cuts: tuple[Cut, ...] = ()
    settings: tuple[Setting, ...] = ()


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
