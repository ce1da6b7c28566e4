"""Sets of simulated signals on disk: of one seed, without a head in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgemed.mr.protocol import PROTOCOL_A
from edgemed.mr.signal_sets import Plan, write_sets
from edgemed.mr.simulate import simulate
from edgemed.mr.task import IMRD_HONEST

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
