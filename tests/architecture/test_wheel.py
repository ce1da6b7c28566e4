"""The wheel: what is in it, and that a device needs no more than it and one runtime."""

from __future__ import annotations

import email
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edgemed.types import GoldenSpec
from edgemed.types.tuned import Tuned

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RUN_ON_DEVICE = """
import json, sys
from pathlib import Path
import numpy as np
import edgemed.readers
from edgemed.runtime import GOLDEN_FILE, Session

session = Session.load(sys.argv[1])
with np.load(Path(sys.argv[1]) / GOLDEN_FILE) as golden:
    arrays = dict(golden)
given = {name[3:]: array for name, array in arrays.items() if name.startswith("in.")}
answers = session.run(given)
worst = max(float(np.abs(answers[name] - arrays["out." + name]).max()) for name in answers)
print(json.dumps({
    "outputs": list(answers), "cases": len(next(iter(given.values()))), "worst": worst,
    "tolerance": session.manifest.golden_tolerance, "modules": sorted(sys.modules),
}))
"""


@pytest.fixture(scope="session")
def artefacts(tiny, edgemed, tmp_path_factory) -> dict[str, Path]:
    """By precision: artefacts for ONNX Runtime, made on the host; those that were built, kept or not."""
    out = tmp_path_factory.mktemp("out")
    done = edgemed(
        "compile", "-m", "model.onnx", "--calibrate", "set.npz", "--target", "onnxruntime",
        "--precision", "int8", "-o", str(out), folder=tiny,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = {}
    for precision in ("fp32", "int8"):
        (found[precision],) = out.glob(f".cache/build-onnxruntime-{precision}-*/artefact")
    return found


def tracked(folder: str) -> dict[str, bytes]:
    """Files under a folder of the project, as git would take them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", folder],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths if path.is_file()}


def test_wheel_holds_the_package_and_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    data = {
        f"edgemed/_data/{name}": content
        for folder in ("targets", "calibration")
        for name, content in tracked(folder).items()
    }
    expected = tracked("edgemed") | data
    for name in (
        "edgemed/py.typed", "edgemed/report/report.html.jinja", "edgemed/report/macros.html.jinja",
        "edgemed/report/pruning.html.jinja", "edgemed/report/trade_off.html.jinja",
        "edgemed/demo/models/signal_cnn.py", "edgemed/_data/targets/raspberry-pi-5.toml",
        "edgemed/_data/targets/host.toml", "edgemed/_data/calibration/imageless-mr/recipe.toml",
    ):  # fmt: skip
        assert name in expected
    assert {name for name in held if ".dist-info/" not in name} == set(expected)
    assert {name: held[name] for name in expected} == expected
    assert {name.partition("/")[0] for name in held} == {
        "edgemed",
        wheel.name.split("-py3")[0] + ".dist-info",
    }


def test_metadata_keeps_the_base_light_and_offers_the_extras(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
        points = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    needs = metadata.get_all("Requires-Dist") or []
    base = [need for need in needs if "extra ==" not in need]
    assert [need.partition(">")[0] for need in base] == ["numpy", "pynacl"]
    assert set(metadata.get_all("Provides-Extra") or []) == {
        "onnxruntime", "openvino", "tensorrt-rtx", "images", "compile", "demo", "raw", "mr", "all",
    }  # fmt: skip
    for extra in ("onnxruntime", "openvino"):
        of = [need.partition(">")[0] for need in needs if need.endswith(f"extra == '{extra}'")]
        assert of == [extra]
    assert metadata["Requires-Python"] == ">=3.10"
    assert "edgemed = edgemed.__main__:main" in points
    assert "edgemed-device = edgemed.device.__main__:main" in points


def test_what_ships_to_a_device_is_python_3_10(python_3_10: str) -> None:
    code = (
        "import sys\nfor name in sys.argv[1:]:\n"
        "    compile(open(name, encoding='utf-8').read(), name, 'exec', dont_inherit=True)"
    )
    folders = ("device", "measure", "runtime", "backends", "readers", "types")
    modules = (
        "__init__.py", "__main__.py", "errors.py", "child.py", "disk.py", "judge/latency.py",
        "judge/limits.py",
    )  # fmt: skip
    files = [ROOT / "edgemed" / name for name in modules]
    files += [path for folder in folders for path in sorted((ROOT / "edgemed" / folder).rglob("*.py"))]
    done = subprocess.run([python_3_10, "-c", code, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module", params=["this Python", "Python 3.10", "onnxruntime 1.23.2"])
def device(request, wheel: Path, tmp_path_factory) -> Path:
    """The bin folder of an environment with the wheel, its extra `onnxruntime` and nothing else.

    onnxruntime is the newest that Python takes, or the last that Python 3.10 does.
    """
    old = request.param == "Python 3.10"
    python = request.getfixturevalue("python_3_10") if old else sys.executable
    folder = tmp_path_factory.mktemp("device") / "venv"
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    pinned = [request.param.replace(" ", "==")] * request.param.startswith("onnxruntime")
    subprocess.run(
        [folder / "bin" / "python", "-m", "pip", "install", "-q", f"{wheel}[onnxruntime]", *pinned],
        cwd=folder, check=True, timeout=300,
    )  # fmt: skip
    return folder / "bin"


OWN_WHEEL = """
import sys
from pathlib import Path
from edgemed.errors import EdgemedError
from edgemed.stages.own_wheel import write_own_wheel

try:
    print(write_own_wheel(Path(sys.argv[1])))
except EdgemedError as error:
    sys.exit(str(error))
"""


def contents(wheel: Path) -> dict[str, bytes]:
    """All but RECORD, whose order is its maker's."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


def test_a_checkout_builds_the_wheel_of_the_edgemed_that_runs(wheel: Path, tmp_path) -> None:
    from edgemed.stages.own_wheel import write_own_wheel

    assert contents(write_own_wheel(tmp_path)) == contents(wheel)


def test_an_installed_wheel_is_put_together_again(device: Path, wheel: Path, tmp_path) -> None:
    command = [device / "python", "-I", "-c", OWN_WHEEL, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = Path(done.stdout.strip())
    assert made.name == wheel.name
    assert contents(made) == contents(wheel)
    (changed,) = device.parent.glob("lib/python*/site-packages/edgemed/py.typed")
    changed.write_text("changed")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    changed.write_text("")
    assert done.returncode == 1
    assert "it is not as it was installed" in done.stderr
    assert str(changed) in done.stderr


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_device_runs_what_the_host_made(device: Path, artefacts, precision: str, tmp_path) -> None:
    done = subprocess.run(
        [device / "python", "-c", RUN_ON_DEVICE, str(artefacts[precision])],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["outputs"] == ["scores"]
    assert told["cases"] == GoldenSpec().cases
    assert told["worst"] <= told["tolerance"]
    assert {"torch", "onnx", "click", "nncf", "scipy"} & set(told["modules"]) == set()


def test_a_device_tunes_what_it_can_run(device: Path, artefact, tmp_path) -> None:
    for backend in ("onnxruntime", "openvino"):
        shutil.copytree(artefact("cnn1d", backend)[1], tmp_path / "out" / "artefacts" / backend)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [device / "edgemed-device", "tune", "out", "--launches", "2", "--seconds", "0.05", "--json"],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tuned = Tuned.from_dict(json.loads(done.stdout))
    assert tuned.best == "artefacts/onnxruntime"
    assert tuned.refused == {
        "artefacts/openvino": "openvino is not installed (missing: openvino); "
        "next: pip install 'edgemed[openvino]'"
    }


def test_device_has_no_toolkit(device: Path, tmp_path) -> None:
    names = ("torch", "onnx", "click", "nncf", "rich", "scipy")
    code = f"import importlib.util as u; print([n for n in {names} if u.find_spec(n)])"
    done = subprocess.run(
        [device / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_command_without_the_toolkit_says_what_to_install(device: Path, request, tmp_path) -> None:
    done = subprocess.run(
        [device / "edgemed", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    old = request.node.callspec.params["device"] == "Python 3.10"
    assert ("Python 3.11 or later" if old else "pip install 'edgemed[compile]'") in done.stderr
    assert "Traceback" not in done.stderr


def test_device_reads_the_data_of_the_wheel(device: Path, tmp_path) -> None:
    code = "from edgemed.data_folder import data_folder; print(list(data_folder('targets').iterdir()))"
    done = subprocess.run(
        [device / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "host.toml" in done.stdout
