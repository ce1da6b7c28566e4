"""Variants: the graph as it came, and, where the recipe prunes, the pruned one."""

from __future__ import annotations

from edgemed.stages.inputs import Inputs
from edgemed.stages.job import Job, SetSource
from edgemed.types import Graph


def make_variants(
    job: Job, inputs: Inputs, graph: Graph, calibrate: SetSource | None
) -> tuple[dict[bool, Graph], None]:
    """The graphs by whether they are pruned, and what pruning did."""
    return {False: graph}, None


def stamps_of_pruning(pruning: None) -> tuple[str, ...]:
    return ()
