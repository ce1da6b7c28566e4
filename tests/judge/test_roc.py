"""ROC curves that stay true when thinned."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge import roc_curves
from edgemed.types import OutputSpec

BINARY = OutputSpec("finding", "binary", 1)


def test_thinned_curve_keeps_its_ends_and_its_area(metrics):
    random = np.random.default_rng(0)
    targets = random.integers(2, size=20000)
    scores = 1 / (1 + np.exp(-random.normal(1.5 * targets, 1.0)))
    (curve,) = roc_curves("original", BINARY, scores, targets)
    assert len(curve.fpr) <= 200
    assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
    assert metrics.auc(curve.fpr, curve.tpr) == pytest.approx(
        metrics.roc_auc_score(targets, scores), abs=0.002
    )
    assert (np.diff(curve.fpr) >= 0).all()


def test_one_curve_per_class_that_is_there():
    random = np.random.default_rng(1)
    classes = random.integers(2, size=50)
    scores = random.dirichlet(np.ones(3), 50)
    curves = roc_curves("x", OutputSpec("organ", "multiclass", 3, ("a", "b", "c")), scores, classes)
    assert [curve.label for curve in curves] == ["a", "b"]


def test_nothing_to_draw():
    assert roc_curves("x", BINARY, np.array([0.1, 0.2]), None) == ()
    assert roc_curves("x", BINARY, np.array([0.1, 0.2]), np.array([1, 1])) == ()
    assert roc_curves("x", OutputSpec("age", "regression", 1), np.array([1.0]), np.array([1.0])) == ()
