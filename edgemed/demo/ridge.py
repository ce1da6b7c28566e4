"""Ridge: the closed-form linear baseline that any network has to be compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.demo.training import Labelled, area

Scores = Callable[[NDArray[np.float32]], NDArray[Any]]
PENALTIES = (1e2, 3e2, 1e3, 3e3, 1e4, 3e4)


def fit_ridge(fit: Labelled, select: Labelled) -> Scores:
    """Ridge regression on the labels, `w = (X'X + p I)^-1 X'y`, with the penalty of best selection AUC.

    Inputs are (n, features) of mean 0; the result maps such rows to scores.
    """
    x = fit.inputs.astype(np.float64)
    y = fit.labels - np.mean(fit.labels)
    gram, moment = x.T @ x, x.T @ y
    weights = [np.linalg.solve(gram + penalty * np.eye(len(gram)), moment) for penalty in PENALTIES]
    best = max(weights, key=lambda w: area(select.labels, select.inputs @ w))
    return lambda rows: np.asarray(rows @ best)
