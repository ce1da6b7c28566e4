"""Sets of simulated signals on disk: of one seed, without a head in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import ToolFailure
from edgemed.mr.protocol import PROTOCOL_A
from edgemed.mr.signal_sets import Plan, write_sets
from edgemed.mr.simulate import simulate
from edgemed.mr.task import IMRD_HONEST

pytest.importorskip("h5py", reason="MRD files need h5py: pip install 'edgemed[mr]'")

TASK = replace(IMRD_HONEST, protocol=PROTOCOL_A)


def test_sets_share_no_head_and_are_one_row_of_them(tmp_path: Path) -> None:
    files = write_sets(Plan(TASK, {"train": 4, "select": 2, "accept": 3}, 1), tmp_path)
    sets = []
    for file in files:
        with np.load(file) as archive:
            sets.append({name: archive[name] for name in ("signal", "lesion_ml", "patient")})
    whole = simulate(TASK, 9, 1)
    assert [len(made["signal"]) for made in sets] == [4, 2, 3]
    assert np.concatenate([made["signal"] for made in sets]).tobytes() == whole.signals.tobytes()
    assert np.concatenate([made["lesion_ml"] for made in sets]).tolist() == whole.lesion_ml.tolist()
    assert [name for made in sets for name in made["patient"]] == [f"1-{number}" for number in range(9)]


def test_a_smaller_set_leaves_nothing_of_a_larger_one_but_files_of_others(tmp_path: Path) -> None:
    plans = [Plan(TASK, {"accept": count}, seed, "mrd") for count, seed in ((4, 1), (2, 2))]
    write_sets(plans[0], tmp_path)
    others = ("notes.txt", "00003.h5.bak", "3.h5", "phantom-00003.h5")
    for name in others:
        (tmp_path / "accept" / name).write_text("kept")
    write_sets(plans[1], tmp_path)
    names = sorted(file.name for file in (tmp_path / "accept").iterdir())
    assert names == sorted(("00000.h5", "00001.h5", *others))
    rows = (tmp_path / "accept.csv").read_text().splitlines()
    assert [row.partition(",")[0] for row in rows] == ["path", "accept/00000.h5", "accept/00001.h5"]


def test_a_file_in_the_place_of_the_folder_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(ToolFailure, match="cannot write: File exists") as caught:
        write_sets(Plan(TASK, {"accept": 2}, 1), tmp_path / "out")
    assert caught.value.where == str(tmp_path / "out")
    assert "name another folder" in caught.value.remedy


def test_a_set_that_breaks_off_leaves_no_table_of_the_files_it_wrote_over(tmp_path: Path) -> None:
    write_sets(Plan(TASK, {"accept": 2}, 1, "mrd"), tmp_path)
    (tmp_path / "accept" / "00001.h5").unlink()
    (tmp_path / "accept" / "00001.h5").mkdir()
    with pytest.raises(ToolFailure, match="cannot write"):
        write_sets(Plan(TASK, {"accept": 2}, 2, "mrd"), tmp_path)
    assert not (tmp_path / "accept.csv").exists()
