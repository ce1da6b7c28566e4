"""Ctrl-C in every stage: exit code 130, one line, no process left, and the next run goes on from there."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

STAGES = (
    "inputs", "data", "graph", "quantise", "golden", "build-onnxruntime-fp32", "select-onnxruntime-int8",
    "load-", "latency", "accept-",
)  # fmt: skip


@pytest.mark.parametrize("to_group", [True, False], ids=["group", "parent"])
def test_interrupted_in_every_stage_and_then_complete(site, helpers, start, to_group):
    helpers.write_set(site / "cal.npz", n=20_000, seed=9)  # large enough to meet the stage that reads it
    command = [
        sys.executable, "-m", "edgemed", "compile", *helpers.MODEL, *helpers.SETS,
        "--target", "onnxruntime", "--precision", "fp32", "--precision", "int8", "-o", "out",
    ]  # fmt: skip
    cache = site / "out/.cache"
    for stage in STAGES:
        process = start(command, cwd=site.folder, env=helpers.command_env(), start_new_session=True)
        _wait_for(stage, cache, process)
        time.sleep(0.1)
        (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130, (stage, out, err)
        said = [line for line in err.splitlines() if line.strip() and not line.startswith(("✓", "…"))]
        assert said == ["interrupted; finished stages are kept, the same command goes on from there"], stage
        assert _left(process.pid) == [], stage
        assert [path.name for path in cache.glob(".*")] == [], stage
        assert not (site / "out/report.json").exists()
    done = site.run(*command[3:])
    assert done.code == 0, done.err
    report = site.report()
    assert {stage["name"] for stage in report["stages"] if not stage["cached"]} <= {
        "data", "accept-onnxruntime-fp32", "accept-onnxruntime-int8",
    }  # fmt: skip
    assert report["best"]
    assert site.run("inspect", "out").code == 0


def _wait_for(stage: str, cache: Path, process: subprocess.Popen[str]) -> None:
    """Until the stage is at work. It works in a hidden folder; `data` has none and follows the inputs."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        names = [path.name for path in cache.iterdir()] if cache.exists() else []
        if stage == "data" and any(name.startswith("inputs-") for name in names):
            return
        if any(name.startswith(f".{stage}") for name in names):
            return
        time.sleep(0.01)
    raise AssertionError(f"stage {stage} did not begin: {process.communicate()}")


def _left(session: int) -> list[str]:
    """Processes of the session that still run 3 s later."""
    end = time.monotonic() + 3
    while (found := _members(session)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _members(session: int) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
