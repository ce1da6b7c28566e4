"""What the stage `inputs` depends on."""

from __future__ import annotations

from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job
from edgemed.types import DataSpec, ModelSpec, Recipe


@pytest.mark.parametrize(("changed", "again"), [(0, False), (2, True)])
def test_the_file_that_tells_shapes_is_the_first_of_the_rows_meant(tmp_path: Path, changed: int, again: bool):
    net = graphs.cnn1d(tmp_path)
    (spec,) = net.inputs
    for number in range(4):
        np.save(tmp_path / f"{number}.npy", np.full(spec.shape, number, spec.dtype))
    rows = "".join(f"{number}.npy\n" for number in range(4))
    (tmp_path / "cal.csv").write_text(f"path\n{rows}")
    recipe = Recipe(ModelSpec(net.path.name), data=DataSpec(calibrate="cal.csv::rows=2:"))
    job = Job(recipe, tmp_path, tmp_path / "out")
    before = fit_inputs(job)
    assert fit_inputs(job) == before
    np.save(tmp_path / f"{changed}.npy", np.zeros(spec.shape, np.float64))
    assert (fit_inputs(job).key != before.key) is again
