"""Agreement by hand, and the rule that keeps or drops."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import agreement, meets
from edgemed.types import Agreement, AgreementFigures, OutputSpec

BINARY = OutputSpec("finding", "binary", 1, ("clear", "pneumonia"))
LIMITS = Agreement()


def names(cases):
    return [f"case{index}" for index in range(cases)]


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values, np.float64)))


@pytest.fixture
def near():
    """1000 cases, logits of spread 3, an artefact with noise of spread .05."""
    random = np.random.default_rng(0)
    targets = (random.random(1000) < 0.5).astype(np.int64)
    original = random.normal(3 * (2 * targets - 1), 2.0)
    return sigmoid(original)[:, None], sigmoid(original + random.normal(0, 0.05, 1000))[:, None], targets


def test_snr_by_hand():
    """Logits -2, 0, 2 (variance 8/3), each .1 off (noise .01): 10 log10 266.67 = 24.26 dB."""
    logits = np.array([-2.0, 0.0, 2.0])
    found = agreement(BINARY, sigmoid(logits), sigmoid(logits + 0.1), None, names(3))
    assert found.snr_db == pytest.approx(24.2597, abs=1e-3)
    assert found.labelled is False
    assert found.differences == ()


def test_snr_of_softmax_ignores_a_shift_and_takes_the_worst_class():
    output = OutputSpec("organ", "multiclass", 2)
    logits = np.array([[1.0, -1.0], [-2.0, 2.0]])
    noisy = logits + np.array([[0.1, -0.1], [0.1, -0.1]])
    soft = [np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in (logits, noisy)]
    assert agreement(output, *soft, None, names(2)).snr_db == pytest.approx(
        10 * np.log10(2.25 / 0.01), abs=1e-3
    )
    values = OutputSpec("sizes", "regression", 2)
    original = np.array([[0.0, 0.0], [2.0, 20.0]])
    worst = agreement(values, original, original + np.array([[0.1, 0.1], [-0.1, -0.1]]), None, names(2))
    assert worst.snr_db == pytest.approx(20.0)


def test_differences_flips_and_decisions_by_hand():
    original, artefact = np.array([0.1, 0.6, 0.9, 0.45]), np.array([0.1, 0.4, 0.9, 0.5])
    found = agreement(BINARY, original, artefact, np.array([0, 1, 1, 0]), names(4))
    assert found.largest_difference == pytest.approx(0.2)
    assert found.largest_difference_case == "case1"
    assert found.mean_difference == pytest.approx(0.0625)
    assert found.decisions.value == 0.5
    assert found.decisions.low == pytest.approx(0.0676, abs=1e-4)
    assert [(flip.case, flip.original, flip.artefact, flip.target) for flip in found.flips] == [
        ("case1", "pneumonia", "clear", "pneumonia"),
        ("case3", "clear", "pneumonia", "clear"),
    ]
    assert found.difference("sensitivity").value == pytest.approx(-0.5)
    assert found.difference("specificity").value == pytest.approx(-0.5)
    assert found.difference("auc").value == pytest.approx(-0.25)


def test_a_case_at_the_threshold_is_positive():
    found = agreement(BINARY, np.array([0.5, 0.2]), np.array([0.49999, 0.2]), None, names(2))
    assert found.flip_count == 1
    assert found.flips[0].original == "pneumonia"


def test_identical_outputs_are_flagged_and_json_holds_no_infinity():
    scores = np.array([[0.2], [0.7], [0.9]])
    found = agreement(BINARY, scores, scores.copy(), np.array([0, 1, 1]), names(3))
    assert found.identical
    assert found.snr_db is None
    assert AgreementFigures.from_json(found.to_json()) == found
    good, reason = meets(LIMITS, (agreement(BINARY, scores, scores, None, names(3)),), labelled=False)
    assert good
    assert "identical" in reason


def test_multilabel_counts_the_label_that_agrees_least():
    output = OutputSpec("findings", "multilabel", 2, ("mass", "fluid"))
    original = np.array([[0.9, 0.9], [0.1, 0.9], [0.1, 0.1], [0.9, 0.1]])
    artefact = original.copy()
    artefact[0, 1] = 0.2
    found = agreement(output, original, artefact, None, names(4))
    assert found.decisions.value == 0.75
    assert found.decisions.label == "fluid"
    assert found.flips[0].label == "fluid"


def test_few_distinct_scores_are_told(near):
    original, _, targets = near
    coarse = np.round(original * 15) / 15
    found = agreement(BINARY, original, coarse, targets, names(1000))
    assert found.distinct_artefact == 16
    assert any("only 16 distinct scores" in note for note in found.notes)


def test_what_cannot_be_compared_is_refused():
    fine, broken = np.array([0.1, 0.9]), np.array([0.1, np.nan])
    for pair in ((fine, broken), (broken, fine)):
        with pytest.raises(BadInput, match="NaN or infinite"):
            agreement(BINARY, *pair, None, names(2))
    with pytest.raises(BadInput, match="pair up"):
        agreement(BINARY, fine, fine[:1], None, names(2))


def test_the_list_of_flips_is_bounded():
    original = np.linspace(0.6, 0.9, 500)
    found = agreement(BINARY, original, 1 - original, None, names(500))
    assert found.flip_count == 500
    assert len(found.flips) == 200


def test_rule_keeps_a_near_artefact_and_names_figures(near):
    original, artefact, targets = near
    found = agreement(BINARY, original, artefact, targets, names(1000))
    good, reason = meets(LIMITS, (found,), labelled=True)
    assert good
    assert "of decisions agree, limit 0.99" in reason
    assert "AUC differs by" in reason
    assert "limit 0.002" in reason


def test_rule_drops_on_decisions_with_value_and_limit(near):
    original, _, targets = near
    moved = original.copy()
    moved[:11] = 1 - moved[:11]
    found = agreement(BINARY, original, moved, targets, names(1000))
    good, reason = meets(LIMITS, (found,), labelled=True)
    assert not good
    assert "0.9890 (989 of 1000) of decisions agree, limit 0.99" in reason


def test_rule_drops_a_better_auc_too():
    """The issue says within .002: a change is a change."""
    targets = np.array([0] * 50 + [1] * 50)
    original = np.concatenate([np.linspace(0.1, 0.4, 50), np.linspace(0.05, 0.45, 50)])
    artefact = np.concatenate([np.linspace(0.1, 0.2, 50), np.linspace(0.25, 0.45, 50)])
    found = agreement(BINARY, original, artefact, targets, names(100))
    good, reason = meets(LIMITS, (found,), labelled=True)
    assert not good
    assert reason.startswith("AUC differs by 0.5, limit 0.002")


def test_rule_without_labels_uses_the_snr(near):
    original, artefact, _ = near
    found = agreement(BINARY, original, artefact, None, names(1000))
    good, reason = meets(LIMITS, (found,), labelled=False)
    assert good
    assert f"logit SNR {found.snr_db:.2f} dB, limit 20 dB" in reason
    strict, reason = meets(Agreement(snr_db=60), (found,), labelled=False)
    assert not strict
    assert "limit 60 dB" in reason


def test_rule_with_one_class_falls_back_to_snr_and_says_why(near):
    original, artefact, _ = near
    found = agreement(BINARY, original, artefact, np.ones(1000, np.int64), names(1000))
    good, reason = meets(LIMITS, (found,), labelled=True)
    assert good
    assert "AUC is not defined: every case is positive" in reason
    assert "logit SNR" in reason
    assert not meets(Agreement(snr_db=60), (found,), labelled=True)[0]


def test_rule_for_regression_and_for_several_outputs(near):
    truth = np.linspace(20, 80, 100)
    age = OutputSpec("age", "regression", 1, unit="years")
    far = agreement(age, truth, truth + np.tile([5.0, -5.0], 50), truth, names(100))
    good, reason = meets(LIMITS, (far,), labelled=True)
    assert not good
    assert reason == f"value SNR {far.snr_db:.2f} dB, limit 20 dB (MAE changes by +5 years)"
    original, artefact, targets = near
    close = agreement(BINARY, original, artefact, targets, names(1000))
    good, reason = meets(LIMITS, (close, far), labelled=True)
    assert not good
    assert reason.startswith("age: value SNR")
    assert meets(LIMITS, (), labelled=True) == (False, "no output was compared")


def test_noise_in_a_column_that_does_not_vary_is_seen():
    """Of two columns the second is dead: an artefact that is wrong there alone does not agree."""
    output = OutputSpec("sizes", "regression", 2, ("liver", "tumour"))
    original = np.column_stack([np.linspace(0, 100, 50), np.full(50, 0.1)])
    artefact = original + np.outer(np.tile([1.0, -1.0], 25), [1e-3, 0.05])
    found = agreement(output, original, artefact, None, names(50))
    assert found.snr_db is None
    assert not found.identical
    assert found.notes[0].startswith("what does not vary in the original (tumour) differs in the artefact")
    good, reason = meets(LIMITS, (found,), labelled=True)
    assert not good
    assert reason.startswith("value SNR is minus infinity (what does not vary in the original differs")
    assert AgreementFigures.from_json(found.to_json()) == found


def test_rounding_in_a_column_that_does_not_vary_is_no_noise():
    output = OutputSpec("sizes", "regression", 2)
    original = np.column_stack([np.linspace(0, 100, 50), np.full(50, 0.1)])
    artefact = original + np.outer(np.tile([1.0, -1.0], 25), [0.1, 1e-7])
    found = agreement(output, original, artefact, None, names(50))
    assert found.snr_db == pytest.approx(10 * np.log10(original[:, 0].var() / 0.01))


def test_scores_that_differ_beyond_the_clipped_logits_only_agree():
    original = np.array([1e-9, 1e-9, 1.0, 1.0])
    found = agreement(BINARY, original, np.array([2e-9, 1e-9, 1.0, 1.0]), None, names(4))
    assert not found.identical
    assert found.snr_db == 200.0
    assert meets(LIMITS, (found,), labelled=False)[0]


def test_a_loss_at_its_limit_is_no_refusal():
    """20 of 20 found, then 19: the difference in floating point is a little more than .05."""
    targets = np.repeat([1, 0], [20, 480])
    original = np.where(targets, 0.9, np.linspace(0.0, 0.4, 500))
    artefact = original.copy()
    artefact[0] = 0.45
    found = agreement(BINARY, original, artefact, targets, names(500))
    assert found.difference("sensitivity").value == pytest.approx(-0.05)
    assert meets(LIMITS, (found,), labelled=True)[0]
    assert not meets(Agreement(loss=0.049), (found,), labelled=True)[0]


def test_an_original_that_does_not_vary_never_passes():
    flat = np.full(10, 0.3)
    found = agreement(BINARY, flat, flat + 0.01, None, names(10))
    good, reason = meets(LIMITS, (found,), labelled=False)
    assert not good
    assert "does not vary" in reason


def test_a_flip_has_the_probability_that_each_model_decided_by():
    found = agreement(BINARY, np.array([0.1, 0.625]), np.array([0.1, 0.375]), None, names(2))
    assert (found.flips[0].original_score, found.flips[0].artefact_score) == (0.625, 0.375)
    organs = OutputSpec("organ", "multiclass", 3)
    (flip,) = agreement(
        organs, np.array([[0.5, 0.375, 0.125]]), np.array([[0.25, 0.625, 0.125]]), None, names(1)
    ).flips
    assert (flip.original_score, flip.artefact_score) == (0.5, 0.625)
    signs = OutputSpec("signs", "multilabel", 2)
    (flip,) = agreement(signs, np.array([[0.75, 0.25]]), np.array([[0.75, 0.5]]), None, names(1)).flips
    assert (flip.label, flip.original_score, flip.artefact_score) == ("column 1", 0.25, 0.5)
