"""What the stage `data` makes of groups, strata and near-duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgemed.stages.data import check_data
from edgemed.stages.job import Job
from edgemed.types import DataSpec, InputRecipe, InputSpec, ModelSpec, Recipe

PICTURE = (InputSpec("image", "uint8", (16, 16), "HW"),)


def _checked(folder: Path, **refs: str) -> tuple[str, tuple[str, ...]]:
    """The last set's digest, and the warnings."""
    job = Job(
        Recipe(ModelSpec("model.onnx"), inputs={"image": InputRecipe()}, data=DataSpec(**refs)),
        folder,
        folder / "out",
    )
    sources, facts, warnings = check_data(job, PICTURE)
    assert [each.sha256 for each in facts] == [each.sha256 for each in sources.values()]
    return facts[-1].sha256, warnings


def _save(path: Path, seed: int, **arrays: Any) -> np.ndarray[Any, Any]:
    pictures = np.random.default_rng(seed).integers(0, 250, (20, 16, 16), np.uint8)
    np.savez(path, **{"x": pictures, **arrays})
    return pictures


def test_a_digest_changes_with_groups_and_with_what_a_case_belongs_to(tmp_path: Path):
    digests = []
    for site, patient in (("A", 0), ("A", 0), ("B", 0), ("A", 1)):
        _save(tmp_path / "set.npz", 0, site=np.array([site] * 20), who=np.arange(20) + patient)
        digests.append(_checked(tmp_path, select="set.npz::x=x,group=who,by=site")[0])
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_near_cases_across_sets_are_warned_of(tmp_path: Path):
    pictures = _save(tmp_path / "sel.npz", 0)
    others = np.random.default_rng(1).integers(0, 250, pictures.shape, np.uint8)
    others[4] = pictures[9] // 2 + 20
    np.savez(tmp_path / "acc.npz", x=others)
    _, (warning,) = _checked(tmp_path, select="sel.npz", accept="acc.npz")
    assert (
        "1 of 20 cases of the accept set is nearly the same as one of the select set, such as x[4] and x[9]"
        in (warning)
    )


def test_distinct_cases_are_not_warned_of(tmp_path: Path):
    for seed, name in enumerate(("cal", "sel", "acc")):
        _save(tmp_path / f"{name}.npz", seed)
    assert _checked(tmp_path, calibrate="cal.npz", select="sel.npz", accept="acc.npz")[1] == ()
