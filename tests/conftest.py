"""Shared fixtures: the real data, found by EDGEMED_DATA or in ../shared/data beside the project root.

`make campaign` gives every property 20 times the examples that it asks for.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
CAMPAIGN = 20
_DEFAULT_EXAMPLES = 100

settings.register_profile(
    "campaign",
    max_examples=CAMPAIGN * _DEFAULT_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the campaign, scale what a test has set for itself."""
    if settings.get_current_profile_name() != "campaign":
        return
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples != CAMPAIGN * _DEFAULT_EXAMPLES:
            test._hypothesis_internal_use_settings = settings(own, max_examples=CAMPAIGN * own.max_examples)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real labelled data sets; skips where there is none."""
    for folder in _data_places():
        return folder
    pytest.skip("no real data: set EDGEMED_DATA to the folder that holds pneumoniamnist.npz")


def _data_places() -> list[Path]:
    places = (os.environ.get("EDGEMED_DATA"), ROOT.parent / "shared" / "data")
    return [Path(place) for place in places if place and Path(place).is_dir()]


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command that heeds SIGINT, and ends it with the test.

    A shell has what it runs in the background ignore SIGINT, and all that this starts in turn.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun: list[subprocess.Popen[str]] = []

    def begin(command: Sequence[str], **options: Any) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        begun.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, **options))
        return begun[-1]

    yield begin
    signal.signal(signal.SIGINT, before)
    for process in begun:
        with process:
            process.kill()


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of this checkout."""
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory):
    """`artefact(graph, backend)`: (net, folder) in fp32; read only."""
    import artefacts
    import graphs

    made = {}

    def make(graph: str, backend: str = "onnxruntime"):
        if (graph, backend) not in made:
            folder = tmp_path_factory.mktemp("artefact")
            net = graphs.GRAPHS[graph](folder)
            made[graph, backend] = (
                net, artefacts.make_artefact(net, backend, "fp32", net.path, folder / "artefact"),
            )  # fmt: skip
        return made[graph, backend]

    return make


@pytest.fixture(scope="session")
def chest_xray(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `recipe.toml`, `model.py`, `model.safetensors` and `case.npy` of the chest X-ray demo,
    trained once for all workers; read only. Real X-rays, or simulated ones where there are none.
    """
    from edgemed.demo import chest_xray
    from edgemed.demo.training import Schedule

    def make(folder: Path) -> None:
        real = [place / chest_xray.DATA_FILE for place in _data_places()]
        data = next(filter(Path.is_file, real), folder.with_name(chest_xray.DATA_FILE))
        if data.parent == folder.parent:
            _simulate_xrays(data)
        chest_xray.prepare(
            folder, data=data, seed=0, progress=lambda what, share: None,
            schedule=Schedule(epochs=4, rate=2e-3, weight_decay=0.05),
        )  # fmt: skip

    return _made_once(tmp_path_factory, "chest-xray", make)


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder that the first of pytest-xdist's workers to come fills; the others wait for it."""
    base = factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, part = base / name, base / f"{name}.part"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder


def _simulate_xrays(path: Path) -> None:
    """As many as PneumoniaMNIST has, in its form: noise, whose middle is bright where the label is 1."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, cases in (("train", 4708), ("val", 524), ("test", 624)):
        labels = rng.integers(0, 2, (cases, 1), np.uint8)
        images = rng.integers(0, 128, (cases, 28, 28), np.uint8)
        images[:, 8:20, 8:20] += 90 * labels[..., np.newaxis]
        arrays |= {f"{name}_images": images, f"{name}_labels": labels}
    np.savez(path, **arrays)
