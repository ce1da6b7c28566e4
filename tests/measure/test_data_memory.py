"""The memory of the stage `data` does not grow with the number of samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.stages.data import check_data
from edgemed.stages.job import Job
from edgemed.stages.labels import check_labels
from edgemed.types import DataSpec, InputSpec, JudgeSpec, ModelSpec, OutputSpec, Recipe

SIDE = 128


def _peak_mib(folder: Path, cases: int) -> float:
    """Peak of `data` on two halves of a labelled set with groups, 16 KiB a case."""
    folder.mkdir()
    rng = np.random.default_rng(cases)
    pictures = rng.integers(0, 256, (cases, SIDE, SIDE), np.uint8)
    half = cases // 2
    for name, of in (("cal", slice(half)), ("sel", slice(half, None))):
        patient = np.arange(cases)[of]
        np.savez(folder / f"{name}.npz", x=pictures[of], y=patient % 2, patient=patient)
    inputs = (InputSpec("image", "uint8", (SIDE, SIDE), "HW"),)
    sets = DataSpec(calibrate="cal.npz::x=x", select="sel.npz::x=x,y=y")
    recipe = Recipe(ModelSpec("model.onnx"), data=sets)
    job = Job(recipe, folder, folder / "out")
    sources, data, _ = check_data(job, inputs)
    outputs = (OutputSpec("score", "binary", 1),)
    _, (_, facts), _ = check_labels(sources, data, outputs, learnt=False, judge=JudgeSpec())
    assert facts.n == half
    assert facts.class_counts == {"score": {"negative": half // 2, "positive": half // 2}}
    (time,) = job.times
    assert time.peak_mib is not None
    return time.peak_mib


@pytest.mark.slow
def test_the_stage_data_holds_no_more_of_a_large_set(tmp_path: Path):
    """5000 cases are 78 MiB of pictures."""
    few, many = (_peak_mib(tmp_path / str(cases), cases) for cases in (200, 5000))
    print(f"peak of the stage data: {few:.0f} MiB at 200 cases, {many:.0f} MiB at 5000")
    assert few > 0
    assert many - few < 20
