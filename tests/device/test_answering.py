"""What `edgemed run` and `edgemed-device run` say of the numbers that an artefact gives."""

from __future__ import annotations

import pytest

from edgemed.device.answering import in_words
from edgemed.types import OutputSpec

CLEAR = ("clear", "pneumonia")
TURNED = ("pneumonia", "clear")
ORGANS = ("liver", "kidney", "spleen")
FINDINGS = ("mass", "fluid", "air")


@pytest.mark.parametrize(
    ("spec", "values", "decision", "text"),
    [
        (
            OutputSpec("finding", "binary", 1, CLEAR, 0.2), [0.25],
            "pneumonia", "pneumonia (probability of pneumonia 0.25, threshold 0.2)",
        ),
        (
            OutputSpec("finding", "binary", 1, CLEAR, 0.2), [0.1999],
            "clear", "clear (probability of pneumonia 0.1999, threshold 0.2)",
        ),
        (OutputSpec("finding", "binary", 1, CLEAR), [0.5], "pneumonia", None),
        (
            OutputSpec("finding", "binary", 1, CLEAR), [0.49999],
            "clear", "clear (probability of pneumonia 0.49999, threshold 0.5)",
        ),
        (OutputSpec("finding", "binary", 2, CLEAR, 0.9), [0.15, 0.85], "clear", None),
        (OutputSpec("finding", "binary", 2, CLEAR, 0.8), [0.15, 0.85], "pneumonia", None),
        (
            OutputSpec("finding", "binary", 2, TURNED), [0.15, 0.85],
            "clear", "clear (probability of clear 0.85, threshold 0.5)",
        ),
        (
            OutputSpec("finding", "binary", 1), [0.7],
            "positive", "positive (probability of positive 0.7, threshold 0.5)",
        ),
        (
            OutputSpec("organ", "multiclass", 3, ORGANS), [0.2, 0.45, 0.35],
            "kidney", "kidney (probability 0.45)",
        ),
        (OutputSpec("organ", "multiclass", 3, ORGANS[::-1]), [0.5, 0.3, 0.2], "spleen", None),
        (OutputSpec("organ", "multiclass", 3), [0.2, 0.3, 0.5], "2", "2 (probability 0.5)"),
        (
            OutputSpec("findings", "multilabel", 3, FINDINGS, 0.3), [0.3, 0.29, 0.9],
            ["mass", "air"], "mass, air",
        ),
        (OutputSpec("findings", "multilabel", 3, FINDINGS), [0.3, 0.29, 0.9], ["air"], "air"),
        (OutputSpec("findings", "multilabel", 3, FINDINGS), [0.1, 0.2, 0.3], [], "none"),
        (OutputSpec("findings", "multilabel", 3), [0.9, 0.2, 0.8], ["0", "2"], "0, 2"),
    ],
)  # fmt: skip
def test_a_decision(spec: OutputSpec, values: list[float], decision: object, text: str | None):
    answer = in_words(spec, values)
    assert answer["probabilities"] == values
    assert answer["decision"] == decision
    assert text in (None, answer["text"])


@pytest.mark.parametrize(
    ("columns", "unit", "values", "text"),
    [
        (1, "mL", [1234.5678], "1234.57 mL"),
        (1, "", [0.00001234], "1.234e-05"),
        (2, "years", [41.5, -3.0], "41.5, -3 years"),
    ],
)
def test_a_value_with_its_unit(columns: int, unit: str, values: list[float], text: str):
    answer = in_words(OutputSpec("volume", "regression", columns, unit=unit), values)
    assert answer == {"values": values, "unit": unit, "text": text}
