"""What values an artefact takes follows from those of its data sets."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.stages.value_statistics import ValueStatistics, allowed, is_bounded
from edgemed.types import Acquisition, InputSpec, ValueRange

PICTURE = InputSpec("picture", "uint16", (2, 2), "HW")
TABLE = InputSpec("table", "float32", (2,))


def found(spec: InputSpec, *samples: list) -> ValueRange:
    statistics = ValueStatistics(spec)
    for each in samples:
        statistics.add(SimpleNamespace(inputs={spec.name: np.array(each, spec.dtype)}))
    return statistics.range()


def test_a_picture_has_one_range_and_a_least_contrast():
    seen = found(PICTURE, [[100, 200], [300, 400]], [[150, 150], [150, 250]])
    assert seen == ValueRange((100.0,), (400.0,), 100.0)
    (taken,) = allowed([{"picture": seen}], {}).values()
    assert taken == ValueRange((-200.0,), (700.0,), 10.0)
    (taken,) = allowed([{"picture": seen}], {"picture": ["layout", "z_score"]}).values()
    assert taken == ValueRange((-2900.0,), (3400.0,), 1.0)


def test_a_table_has_a_range_for_each_column():
    seen = found(TABLE, [40, 5], [60, 5])
    assert seen == ValueRange((40.0, 5.0), (60.0, 5.0), 0.0)
    (taken,) = allowed([{"table": seen}, {"table": found(TABLE, [30, 5])}], {}).values()
    assert taken == ValueRange((0.0, 0.0), (90.0, 10.0), 0.0)


def test_a_blank_sample_in_the_data_lets_others_be_blank():
    assert found(PICTURE, [[1, 1], [1, 1]], [[1, 2], [3, 4]]).span == 0


def test_raw_signals_have_ranges_of_their_own():
    acquisition = Acquisition(1e-5, 2e6, (0.01,), "FID")
    raw = InputSpec("signal", "float32", (1, 1, 8, 1, 2), "TESKQ", acquisition)
    assert [is_bounded(each) for each in (PICTURE, TABLE, raw)] == [True, True, False]


@pytest.mark.parametrize(
    ("low", "high", "span"),
    [
        ((), (), 0.0),
        ((1.0,), (), 0.0),
        ((2.0,), (1.0,), 0.0),
        ((0.0,), (1.0,), -1.0),
        ((0.0,), (1.0,), float("inf")),
    ],
)
def test_what_is_no_range_is_refused(low, high, span):
    with pytest.raises(BadInput):
        ValueRange(low, high, span)
