"""History: the cuts that make a pruned net from the whole one."""

from __future__ import annotations

from typing import Literal

from edgemed.types import Record

Side = Literal["out", "in", "parameter"]


class Cut(Record):
    """Channels that go: `removed` are their places in the whole module.

    `target` is a module's name and `side` says whether its outputs or inputs are meant (the same for a norm),
    or a parameter's name, and `axis` says along which axis.
    """

    target: str
    side: Side
    removed: tuple[int, ...]
    axis: int = 0


class Setting(Record):
    """A number of a module's, such as `num_heads`, that goes with the cuts."""

    module: str
    attribute: str
    value: int


class History(Record):
    """Makes the same structure from the unpruned module: `edgemed.compress.prune.replay`."""

    cuts: tuple[Cut, ...] = ()
    settings: tuple[Setting, ...] = ()
