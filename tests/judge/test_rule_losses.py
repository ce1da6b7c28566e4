"""A rare class that is lost is seen although 99 % of decisions agree."""

from __future__ import annotations

import numpy as np

from edgemed.judge import agreement, meets
from edgemed.types import Agreement, OutputSpec

OUTPUT = OutputSpec("output", "binary", 1)


def test_two_of_three_positives_lost_in_500_is_no_agreement():
    original = np.full((503, 1), 0.1, np.float32)
    original[:3] = [[0.9], [0.55], [0.56]]
    artefact = original.copy()
    artefact[1:3] = 0.45
    targets = np.zeros(503, np.int64)
    targets[:3] = 1
    names = [str(i) for i in range(503)]
    figures = agreement(OUTPUT, original, artefact, targets, names)
    assert figures.decisions is not None
    assert figures.decisions.value is not None
    assert figures.decisions.value > 0.99
    agrees, sentence = meets(Agreement(), (figures,), True)
    assert not agrees
    assert "sensitivity falls by 0.667, limit 0.05" in sentence
    assert meets(Agreement(loss=0.7), (figures,), True)[0]
