"""What a device needs for `edgemed-device`: the base wheel, numpy and one runtime."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgemed.types.tuned import Tuned

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_imports_numpy_and_nothing_else() -> None:
    code = (
        "import sys\nfrom edgemed.device.command import run\nimport edgemed.device.tune\n"
        "try:\n    run(['tune', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('imported:', *(name for name, found in sys.modules.items() if found))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    imported = done.stdout.rpartition("imported:")[2].split()
    tops = {name.partition(".")[0] for name in set(imported) - set(bare.stdout.split())}
    assert tops - {*sys.stdlib_module_names, "__mp_main__"} == {"edgemed", "numpy"}


def python_3_10() -> str | None:
    """A Python 3.10 that starts: what a JetPack 6 device has."""
    places = [shutil.which("python3.10"), *map(str, Path.home().glob(".pyenv/versions/3.10*/bin/python3.10"))]
    for place in filter(None, places):
        code = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 10))"
        if subprocess.run([place, "-c", code], capture_output=True, check=False).returncode == 0:
            return place
    return None


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=["this Python", "Python 3.10"])
def command(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`edgemed-device` of an environment with the wheel, numpy, onnxruntime and nothing else."""
    python = sys.executable if request.param == "this Python" else python_3_10()
    if python is None:
        pytest.skip("there is no Python 3.10 here")
    folder = tmp_path_factory.mktemp("device") / "venv"
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "-q", f"{wheel}[onnxruntime]"],
        cwd=folder, check=True, timeout=300,
    )  # fmt: skip
    return folder / "bin" / "edgemed-device"


@pytest.mark.slow
def test_a_device_tunes_what_it_can_run(command: Path, device, artefact) -> None:
    for backend in ("onnxruntime", "openvino"):
        device.place(artefact("cnn1d", backend)[1], backend)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [command, "tune", "out", "--launches", "2", "--seconds", "0.05", "--json"],
        cwd=device.out.parent, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tuned = Tuned.from_dict(json.loads(done.stdout))
    assert tuned.best == "artefacts/onnxruntime"
    assert tuned.refused == {
        "artefacts/openvino": "openvino is not installed (missing: openvino); "
        "next: pip install 'edgemed[openvino]'"
    }
    modules = command.with_name("python")
    code = "import importlib.util as u; print([n for n in ('click', 'rich', 'scipy') if u.find_spec(n)])"
    found = subprocess.run([modules, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
