"""The named protocols, and what no protocol may be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.mr.protocol import PROTOCOL_A, PROTOCOL_B, PROTOCOLS, Protocol


def test_both_take_three_seconds() -> None:
    assert [each.duration_s for each in PROTOCOLS.values()] == [3.0, 3.0]


def test_the_acquisition_tells_what_the_samples_do_not() -> None:
    taken = PROTOCOL_B.acquisition
    assert taken.larmor_frequency_hz == pytest.approx(2.128874e6, rel=1e-6)
    assert taken.echo_times_s == pytest.approx(0.015 * np.arange(1, 33))
    assert (taken.protocol, taken.dwell_time_s) == ("ir-cpmg-b", 0.0002)
    assert (taken.inversion_times_s, taken.repetition_times_s) == ((0.0, 0.19, 0.4), (1.0,))


def test_a_field_scales_the_frequency() -> None:
    doubled = replace(PROTOCOL_A, field_t=0.1).acquisition
    assert doubled.larmor_frequency_hz == pytest.approx(2 * PROTOCOL_A.acquisition.larmor_frequency_hz)


def test_the_middle_sample_lies_at_the_echo() -> None:
    for protocol in PROTOCOLS.values():
        assert protocol.sample_times_s[protocol.samples // 2] == 0.0
        assert np.diff(protocol.sample_times_s) == pytest.approx(protocol.dwell_s)


def test_a_field_of_view_is_as_wide_as_the_bandwidth() -> None:
    gradients = PROTOCOL_B.gradients_hz_per_mm
    assert gradients * PROTOCOL_B.field_of_view_mm == pytest.approx(np.eye(3) / PROTOCOL_B.dwell_s)
    assert not PROTOCOL_A.gradients_hz_per_mm.any()


def test_a_protocol_survives_json() -> None:
    for protocol in PROTOCOLS.values():
        assert Protocol.from_json(protocol.to_json()) == protocol


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"echoes": 60}, "cannot hold"),
        ({"inversion_s": (None, 0.6)}, "cannot hold"),
        ({"dwell_s": 0.002}, "do not fit between echoes"),
        ({"inversion_s": ()}, "no shot"),
        ({"inversion_s": (0.0,)}, "not above 0"),
        ({"readout_axes": ("X",)}, "no axis"),
        ({"samples": 0}, "not above 0"),
        ({"shot_s": float("nan")}, "not above 0"),
    ],
)
def test_times_that_do_not_fit_are_refused(change: dict[str, Any], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        replace(PROTOCOL_A, **change)


def test_a_protocol_is_told_in_words() -> None:
    assert "3 shots of 1 s (inversion times none, 190 ms, 400 ms)" in PROTOCOL_A.describe()
    assert "no gradient" in PROTOCOL_A.describe()
    assert "x/y/z" in PROTOCOL_B.describe()
