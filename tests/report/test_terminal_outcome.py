"""What a compile prints on the terminal says the same as its report."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from edgemed.cli.tables import print_outcome
from edgemed.judge import figures
from edgemed.types import OutputSpec


@pytest.mark.parametrize(
    ("compared_on", "told"),
    [
        ("select", "on the selection set"),
        ("calibrate", "on the calibration set, for want of a selection set"),
        ("golden", "on the synthetic golden cases"),
    ],
)
def test_the_set_that_was_compared_on_is_named(compilation, capsys, compared_on, told):
    print_outcome(dataclasses.replace(compilation, compared_on=compared_on), Path("out"))
    assert f"decisions and AUC diff.: {told}" in capsys.readouterr().out


def test_a_small_regression_figure_keeps_its_digits(compilation, capsys):
    random = np.random.default_rng(0)
    share = OutputSpec("share", "regression", 1)
    truth = random.normal(0.01, 0.002, 80)
    marks = (figures(share, truth + random.normal(-0.0003, 0.0001, 80), truth),)
    one = dataclasses.replace(
        compilation,
        candidates=(),
        model=dataclasses.replace(compilation.model, outputs=(share,)),
        original=dataclasses.replace(compilation.original, accept_figures=marks),
    )
    print_outcome(one, Path("out"))
    text = capsys.readouterr().out
    mae, bias = marks[0].get("mae"), marks[0].get("bias")
    assert f"{mae.value:.6f} ({mae.low:.6f} to {mae.high:.6f})" in text
    assert f"{bias.value:.6f}" in text
    assert bias.value < 0
    assert text.isascii()
