"""Pairs: answers of the original and of an artefact on the same cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pairs:
    """The cases of an acceptance set, case `names[i]` in row i of every array.

    `original` and `artefact` hold (n, columns) per output, `targets` what `Sample.targets` holds, stacked.
    `groups` (n,) is the number of each case's patient or duplicate group, None where every case stands for
    itself. `strata` holds, per name such as `site`, what each case belongs to; "" where that is not known.
    """

    names: tuple[str, ...]
    original: dict[str, NDArray[Any]]
    artefact: dict[str, NDArray[Any]]
    targets: dict[str, NDArray[Any]]
    groups: NDArray[np.int64] | None = None
    strata: dict[str, Sequence[str]] = field(default_factory=dict)
