"""`edgemed bench --suite`: a net compiled, its baselines built, all timed in turns."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_row_of_the_suite(tmp_path: Path):
    done = subprocess.run(
        [
            sys.executable, "-m", "edgemed", "bench", "--suite", "--only", "fusion", "--samples", "8",
            "--launches", "2", "--seconds", "0.05", "-o", "suite", "--json",
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["name"] == "fusion"
    assert row["ratios"]["onnxruntime-fp32"] == 1.0
    assert {"openvino-fp32", "onnxruntime uint8", "NNCF on openvino", "choice"} <= set(row["ratios"])
    assert row["best_baseline"] == min(set(row["ratios"]) - {"choice"}, key=row["ratios"].__getitem__)
    assert {"quantise", "baseline baseline-nncf-on-openvino"} <= set(row["stages_s"])
    assert {"build-openvino-int8", "baseline build-openvino-int8"} <= row["stages_s"].keys()
    assert (tmp_path / "suite/fusion/compiled/report.html").exists()
    assert not list((tmp_path / "suite/fusion").glob(".making-*"))
