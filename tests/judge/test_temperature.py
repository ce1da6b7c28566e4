"""Temperatures: found again where they are known, the same as other programs find, refused where unknown."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.judge.scores import as_scores, decide
from edgemed.judge.temperature import fit_temperature, mapped, unscaled, worsened
from edgemed.types import OutputSpec, Temperature

special = pytest.importorskip("scipy.special")

BINARY = OutputSpec("score", "binary", 1)
CLASSES = OutputSpec("classes", "multiclass", 4)
FINDINGS = OutputSpec("findings", "multilabel", 3)


def _drawn(output: OutputSpec, cases: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that tell the truth, and targets drawn from the probabilities that they mean."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (cases, output.columns))
    if output.kind == "multiclass":
        return logits, np.array(
            [rng.choice(output.columns, p=row) for row in special.softmax(logits, axis=1)]
        )
    drawn = (rng.random(logits.shape) < special.expit(logits)).astype(np.int64)
    return logits, drawn[:, 0] if output.kind == "binary" else drawn


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("output", [BINARY, CLASSES, FINDINGS], ids=lambda output: output.kind)
def test_a_known_temperature_is_found_again(output: OutputSpec, temperature: float):
    logits, targets = _drawn(output, 8000)
    found = fit_temperature(output, logits * temperature, targets)
    assert isinstance(found, Temperature)
    assert found.value == pytest.approx(temperature, rel=0.05)
    assert found.log_loss_after <= found.log_loss_before
    assert found.n == 8000


def test_it_is_what_a_logistic_regression_without_intercept_finds():
    from sklearn.linear_model import LogisticRegression

    logits, targets = _drawn(BINARY, 300)
    found = fit_temperature(BINARY, logits * 2, targets)
    other = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(logits * 2, targets)
    assert isinstance(found, Temperature)
    assert 1 / found.value == pytest.approx(other.coef_[0, 0], rel=1e-4)


def test_log_losses_are_those_of_the_probabilities():
    from sklearn.metrics import log_loss

    logits, targets = _drawn(CLASSES, 400)
    found = fit_temperature(CLASSES, logits * 3, targets)
    assert isinstance(found, Temperature)
    for temperature, expected in ((1.0, found.log_loss_before), (found.value, found.log_loss_after)):
        assert log_loss(targets, special.softmax(logits * 3 / temperature, axis=1)) == pytest.approx(expected)
    for nearby in (0.98, 1.02):
        assert (
            log_loss(targets, special.softmax(logits * 3 / found.value / nearby, axis=1))
            > found.log_loss_after
        )


@given(threshold=st.floats(0.01, 0.99), temperature=st.floats(0.3, 20))
def test_decisions_stay_the_same_at_the_mapped_threshold(threshold: float, temperature: float):
    logits = np.random.default_rng(3).normal(0, 4, (300, 1))
    before, after = (replace(BINARY, threshold=each) for each in (threshold, mapped(threshold, temperature)))
    decided = decide(before, as_scores(before, special.expit(logits)))
    assert np.array_equal(decide(after, as_scores(after, special.expit(logits / temperature))), decided)
    assert mapped(after.threshold, 1 / temperature) == pytest.approx(threshold, rel=1e-9)


def test_thresholds_of_a_fit_are_one_operating_point_and_a_multiclass_output_has_none():
    found = fit_temperature(replace(BINARY, threshold=0.9), *_drawn(BINARY, 500))
    assert isinstance(found, Temperature)
    assert found.threshold_before == 0.9
    assert math.log(found.threshold_after / (1 - found.threshold_after)) == pytest.approx(
        math.log(9) / found.value
    )
    found = fit_temperature(replace(CLASSES, threshold=0.9), *_drawn(CLASSES, 500))
    assert isinstance(found, Temperature)
    assert found.threshold_before == found.threshold_after == 0.9


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_where_no_case_is_wrong_there_is_no_temperature(scale: float):
    logits = np.array([[-3.0], [-1.0], [0.0], [2.0]]) * scale
    assert "no case of 4 is decided wrongly" in str(fit_temperature(BINARY, logits, np.array([0, 0, 1, 1])))


def test_where_logits_are_worse_than_none_there_is_no_temperature():
    logits, targets = _drawn(CLASSES, 200)
    assert "no better than none" in str(fit_temperature(CLASSES, -logits, targets))


def test_a_temperature_out_of_all_reason_is_not_used():
    logits, targets = _drawn(BINARY, 400)
    assert "still falls at a temperature of 100" in str(fit_temperature(BINARY, logits * 1000, targets))
    assert "still falls at a temperature of 0.01" in str(fit_temperature(BINARY, logits / 1000, targets))


def test_a_threshold_that_float32_could_not_tell_from_one_is_not_mapped():
    logits, targets = _drawn(BINARY, 400)
    for threshold, scale in ((0.99, 8), (0.01, 8), (0.0001, 90)):
        told = fit_temperature(replace(BINARY, threshold=threshold), logits / scale, targets)
        assert f"the threshold {threshold:g} would become" in str(told)


def test_logits_that_are_no_numbers_and_labels_out_of_range_are_refused():
    logits, targets = _drawn(BINARY, 9)
    with pytest.raises(BadInput, match="label 3 is outside 0 to 1"):
        fit_temperature(BINARY, logits, targets * 3)
    logits[4] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        fit_temperature(BINARY, logits, targets)


@pytest.mark.parametrize("temperature", [0.5, 2.5])
def test_unscaled_gives_the_probabilities_before_scaling(temperature: float):
    rng = np.random.default_rng(7)
    logits = rng.normal(0, 2, (50, 4))
    for output, make in (
        (BINARY, lambda z: special.expit(z[:, :1])),
        (OutputSpec("score", "binary", 2), lambda z: special.softmax(z[:, :2], axis=1)),
        (CLASSES, lambda z: special.softmax(z, axis=1)),
        (FINDINGS, lambda z: special.expit(z[:, :3])),
    ):
        scaled = make(logits / temperature).astype(np.float32)
        assert np.allclose(unscaled(output, scaled, temperature), make(logits), atol=1e-5)


@pytest.mark.parametrize("output", [BINARY, CLASSES, FINDINGS], ids=lambda output: output.kind)
def test_a_temperature_that_harms_elsewhere_is_told_with_both_losses(output: OutputSpec):
    from sklearn.metrics import log_loss

    logits, targets = _drawn(output, 600)
    make = special.expit if output.kind != "multiclass" else lambda z: special.softmax(z, axis=1)
    assert worsened(output, make(logits), targets, 3.0) is None
    assert worsened(output, make(logits[:1]), targets[:1], 1 / 3) is None
    losses = worsened(output, make(logits * 3), targets, 1 / 3)
    assert losses is not None
    if output.kind != "multilabel":
        assert losses == pytest.approx([log_loss(targets, make(logits * k)) for k in (1, 3)], rel=2e-3)
