"""`edgemed inspect` on files of raw MR signals."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from planted import planted

from edgemed.cli import cli
from edgemed.types import Acquisition, RawSignal

TIMES = tuple(0.01 * (echo + 1) for echo in range(6))
TAKEN = Acquisition(2e-4, 2.1e6, TIMES, "planted", (0.0, 0.19), (1.0,))


def inspect(path: Path, *more: str) -> str:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["inspect", str(path), *more])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_a_scanners_file_is_shown_as_it_was_taken(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="MRD files need h5py: pip install 'edgemed[mr]'")
    from edgemed.mr.mrd_file import write_mrd

    write_mrd(tmp_path / "scan.h5", RawSignal(planted(1, 0)["signal"][0], TAKEN), subject="Doe")
    told = inspect(tmp_path / "scan.h5")
    for words in (
        "signals 1",
        "2 x 6 x 8 x 1 (shots x echoes x samples x coils), protocol 'planted', dwell time 200 us",
        "Larmor frequency 2.1 MHz, echo times 10 to 60 ms",
        "inversion times 0, 190 ms, repetition times 1000 ms",
        "echoes 6, the first after 10 ms, 10 ms apart",
    ):
        assert words in told
    assert "Doe" not in told
    found = json.loads(inspect(tmp_path / "scan.h5", "--json"))
    assert (found["signals"], found["shape"]) == (1, [2, 6, 8, 1])
    read = Acquisition.from_dict(found["acquisition"])
    assert read.dwell_time_s == pytest.approx(2e-4)
    assert dataclasses.replace(read, dwell_time_s=2e-4) == TAKEN


def test_an_archive_of_many_signals_or_of_one_is_shown(tmp_path: Path) -> None:
    arrays = planted(5, 0) | {"echo_times_s": np.array([0.01, 0.02, 0.04, 0.05, 0.06, 0.07])}
    np.savez(tmp_path / "many.npz", **arrays)
    np.savez(tmp_path / "one.npz", **arrays | {"signal": arrays["signal"][0]})
    for name, count in (("many", 5), ("one", 1)):
        found = json.loads(inspect(tmp_path / f"{name}.npz", "--json"))
        assert (found["signals"], found["shape"]) == (count, [2, 6, 8, 1])
        assert found["acquisition"]["protocol"] == "planted"
        told = inspect(tmp_path / f"{name}.npz")
        assert f"signals {count} " in told
        assert "echoes 6, the first after 10 ms, 10 to 20 ms apart" in told
