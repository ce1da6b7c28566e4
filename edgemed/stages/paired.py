"""Pairs from the answers of an original and of an artefact on the same set."""

from __future__ import annotations

from edgemed.judge import Pairs, check_paired, group_numbers
from edgemed.measure import Predictions


def paired(original: Predictions, artefact: Predictions) -> Pairs:
    """Groups and strata are the original's: both were read from one set.

    Raises `BadInput` where they were not, in one order.
    """
    check_paired(original.names, artefact.names, original.targets, artefact.targets)
    return Pairs(
        original.names, dict(original.outputs), dict(artefact.outputs), original.targets,
        group_numbers(original.groups), dict(original.strata),
    )  # fmt: skip
