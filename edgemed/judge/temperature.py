"""Temperature: one number that logits are divided by, so that probabilities are neither too sure nor unsure.

Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.judge.interval import mean
from edgemed.judge.scores import EPSILON, as_scores, as_targets
from edgemed.judge.scores import logits as logits_of
from edgemed.types import OutputSpec
from edgemed.types.verdict import Temperature

_LARGEST = 100.0
"""Temperatures are looked for between 1 / _LARGEST and _LARGEST."""
_NEAREST = 1e-6
"""A threshold nearer to 0 or 1 would not be the same operating point: float32 has steps of 6e-8 below 1."""


def fit_temperature(output: OutputSpec, logits: NDArray[Any], targets: NDArray[Any]) -> Temperature | str:
    """The temperature with the least log loss of `logits` / T, or why there is none. Nothing is drawn.

    `logits` is (N, 1) log-odds of the positive class for a binary output, else (N, columns); `targets` are
    `Sample.targets`, stacked to N rows. The log loss is the mean over cases, and over labels where the
    output is multilabel. There is none where no case is wrong, whatever the probabilities: the log loss then
    falls without end as T goes to 0. Raises `BadInput` for logits that are not finite and labels outside
    their range.
    """
    from scipy.optimize import minimize_scalar

    values = np.asarray(logits, dtype=np.float64)
    if not np.isfinite(values).all():
        raise BadInput("a logit is NaN or infinite", where=f"output {output.name}")
    gains = _gains(output, values, as_targets(output, targets, len(values)))

    def loss(log_temperature: float) -> float:
        return float(_log_losses(gains * math.exp(-log_temperature)).mean())

    if gains.max() <= 0:
        return f"no case of {len(values)} is decided wrongly, so the surer the better"
    if gains.mean() >= 0:
        return "its logits are no better than none, so the less sure the better"
    limit = math.log(_LARGEST)
    found = minimize_scalar(loss, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-9})
    if limit - abs(found.x) < 1e-3:
        return f"the log loss still falls at a temperature of {math.exp(found.x):.3g}"
    temperature = math.exp(found.x)
    threshold = output.threshold if output.kind == "multiclass" else mapped(output.threshold, temperature)
    if not _NEAREST <= threshold <= 1 - _NEAREST:
        return (
            f"at a temperature of {temperature:.3g} the threshold {output.threshold:g} would become "
            f"{threshold:.9g}, too near 0 or 1 for float32"
        )
    return Temperature(
        output.name, temperature, len(values), loss(0.0), float(found.fun), output.threshold, threshold
    )


def mapped(threshold: float, temperature: float) -> float:
    """`threshold` of probabilities whose logits were divided by `temperature`: the same operating point."""
    from scipy.special import expit, logit

    return float(expit(logit(threshold) / temperature))


def unscaled(output: OutputSpec, probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """The probabilities (N, columns) before their logits were divided by `temperature`."""
    from scipy.special import expit, logit, softmax

    clipped = np.clip(np.asarray(probabilities, dtype=np.float64), EPSILON, 1 - EPSILON)
    before = (
        softmax(np.log(clipped) * temperature, axis=1)
        if output.kind == "multiclass"
        else expit(logit(clipped) * temperature)
    )
    return np.asarray(before, dtype=np.float64)


def worsened(
    output: OutputSpec, probabilities: NDArray[Any], targets: NDArray[Any], temperature: float
) -> tuple[float, float] | None:
    """Mean log loss before and after `temperature` led to `probabilities`, where it surely rose, else None.

    Surely: the whole of Student's interval of the paired difference lies above 0.
    """
    scores = as_scores(output, probabilities)
    gains = _gains(output, logits_of(output, scores), as_targets(output, targets, len(scores)))
    before, after = (
        _log_losses(gains * factor).reshape(len(scores), -1).mean(axis=1) for factor in (temperature, 1.0)
    )
    rise = mean("rise", after - before)
    if rise.low is None or rise.low <= 0:
        return None
    return float(before.mean()), float(after.mean())


def _gains(output: OutputSpec, logits: NDArray[np.float64], targets: NDArray[Any]) -> NDArray[np.float64]:
    """(questions, wrong answers): by how much each wrong answer's logit is above the right one's."""
    if output.kind == "multiclass":
        others = np.arange(output.columns) != targets[:, None]
        right = np.take_along_axis(logits, targets[:, None], axis=1)
        multiclass: NDArray[np.float64] = (logits - right)[others].reshape(len(logits), -1)
        return multiclass
    return (np.where(targets.reshape(logits.shape) == 1, -1.0, 1.0) * logits).reshape(-1, 1)


def _log_losses(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """(questions,) log(1 + sum of exp(gain)): minus the log probability of the right answer."""
    from scipy.special import logsumexp

    return np.asarray(logsumexp(np.pad(gains, ((0, 0), (1, 0))), axis=1))
