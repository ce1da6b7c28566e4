"""The chest X-ray wheel: installed from its wheelhouse with no network, it answers as the host does."""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import tomllib
from ended import Ended

from edgemed.runtime import Session
from edgemed.types import Manifest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
OLD = "1.23.2"
"""The last onnxruntime for Python 3.10."""
CASES = 16
PREDICT = """
import json, sys
import chest_xray, numpy as np, onnxruntime

session = chest_xray.load()
answers = [session.predict(x) for x in np.load(sys.argv[1])]
print(json.dumps({
    "artefact": session.folder.name, "onnxruntime": onnxruntime.__version__, "modules": list(sys.modules),
    "answers": [{name: values.tolist() for name, values in each.items()} for each in answers],
}))
"""
REPLAY = """
import sys
from pathlib import Path
import chest_xray
from edgemed.bundle.reader import Bundle
from edgemed.runtime import Session

bundle = Bundle.open(chest_xray.BUNDLE)
for name in sys.argv[2:]:
    bundle.extract(name, Path(sys.argv[1]) / name)
    Session.load(Path(sys.argv[1]) / name)
    print("answers as judged:", name)
"""
USED = """import numpy as np

import chest_xray

answers = chest_xray.load(threads=1).predict(np.zeros((28, 28), np.uint8))
reveal_type(answers)
chest_xray.load(thread=1)
"""


@dataclass(frozen=True)
class Host:
    """`bundle` is signed by `lab`; `out` is the compile; `cases` holds pictures."""

    folder: Path

    @property
    def artefacts(self) -> dict[str, Manifest]:
        found = sorted((self.folder / "out" / "artefacts").iterdir())
        return {path.name: Manifest.from_json((path / "manifest.json").read_text()) for path in found}

    def edgemed(self, *arguments: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "edgemed", *arguments],
            cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def answers(self, artefact: str) -> list[dict[str, list[float]]]:
        session = Session.load(self.folder / "out" / "artefacts" / artefact)
        answers = [session.predict(x) for x in np.load(self.folder / "cases.npy")]
        return [{name: values.tolist() for name, values in each.items()} for each in answers]


@pytest.fixture(scope="module")
def host(chest_xray, tmp_path_factory) -> Host:
    folder = tmp_path_factory.mktemp("host")
    made = Host(folder)
    precisions = ("--precision", "fp32", "--precision", "int8")
    for command in (
        ("compile", str(chest_xray / "recipe.toml"), *precisions, "--no-gate", "-o", "out"),
        ("keygen", "-o", "lab"),
        ("pack", "out", "--epoch", "1", "--key", "lab.key.pem", "-o", "chest.edgemed"),
    ):
        done = made.edgemed(*command)
        assert done.code == 0, done.err
    recipe = tomllib.loads((chest_xray / "recipe.toml").read_text())
    with np.load(recipe["data"]["accept"].partition("::")[0]) as data:
        np.save(folder / "cases.npy", data["test_images"][:CASES])
    np.save(folder / "case.npy", np.load(folder / "cases.npy")[0])
    return made


@dataclass(frozen=True)
class Device:
    """An environment with the wheelhouse's wheels and nothing else; `env` is of its commands, which trust
    whom they were told to. `onnxruntime` is the version that is there.
    """

    bin: Path
    env: dict[str, str]
    onnxruntime: str

    def run(self, command: str, *arguments: object) -> Ended:
        done = subprocess.run(
            [*no_network(), self.bin / command, *map(str, arguments)],
            cwd=self.bin.parent, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def python(self, code: str, *arguments: object) -> Ended:
        return self.run("python", "-c", code, *arguments)

    @property
    def bundle(self) -> str:
        return self.python("import chest_xray; print(chest_xray.BUNDLE)").out.strip()


@functools.cache
def no_network() -> tuple[str, ...]:
    """A prefix under which no network is there, where that can be had."""
    prefix = ("unshare", "-rn")
    able = shutil.which("unshare") and not subprocess.run([*prefix, "true"], check=False).returncode
    return prefix if able else ()


def bare_env(folder: Path) -> dict[str, str]:
    """Nothing of this machine's: no path, no index, no trust."""
    kept = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "HOME": str(folder)}
    return kept | {"EDGEMED_TRUST": str(folder / "trust.json"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture(scope="module", params=["this Python", "Python 3.10", "older onnxruntime"])
def device(request, host, tmp_path_factory) -> Device:
    """Each but the first has onnxruntime alone, of the version for Python 3.10; the last on this Python."""
    folder = tmp_path_factory.mktemp("device")
    here = request.param != "Python 3.10"
    python = sys.executable if here else request.getfixturevalue("python_3_10")
    house = host.folder / f"house-{request.param.replace(' ', '-')}"
    asked = ["--wheelhouse", house.name, "--for", platform.machine(), "--python", HERE if here else "3.10"]
    asked += [] if request.param == "this Python" else ["--runtime", "onnxruntime"]
    done = host.edgemed("package", "chest.edgemed", *asked, "--json")
    assert done.code == 0, done.err
    assert set(done.json["files"]) == {path.name for path in house.iterdir()}
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    made = Device(folder / "venv" / "bin", bare_env(folder), version("onnxruntime") if here else OLD)
    done = made.run("pip", "install", "-q", "--no-index", "--find-links", house, "chest-xray")
    assert done.code == 0, done.err
    assert made.run("pip", "check").code == 0
    if request.param != "older onnxruntime":
        return made
    pip = [
        made.bin / "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        folder / "older",
        f"onnxruntime=={OLD}",
    ]
    subprocess.run(pip, check=True)
    return Device(made.bin, {**made.env, "PYTHONPATH": str(folder / "older")}, OLD)


@pytest.fixture
def trusting(device, host) -> Device:
    if not Path(device.env["EDGEMED_TRUST"]).exists():
        assert device.run("edgemed-device", "trust", "add", "lab", host.folder / "lab.pub.pem").code == 0
    return device


def test_nothing_answers_before_its_key_is_trusted(device, host):
    Path(device.env["EDGEMED_TRUST"]).unlink(missing_ok=True)
    device.run("chest_xray", host.folder / "case.npy").refused(5, "nobody here trusts its key")
    device.run("edgemed-device", "verify", device.bundle).refused(5, "nobody here trusts its key")


def test_it_answers_as_the_host_does(trusting, host):
    done = trusting.python(PREDICT, host.folder / "cases.npy")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["onnxruntime"] == trusting.onnxruntime
    assert {"torch", "onnx", "click", "nncf", "scipy", "packaging"} & set(told["modules"]) == set()
    artefact, answers = host.artefacts[told["artefact"]], host.answers(told["artefact"])
    assert len(answers) == len(told["answers"]) == CASES
    if trusting.onnxruntime == version("onnxruntime") or artefact.backend == "openvino":
        assert told["answers"] == answers
    for there, here in zip(told["answers"], answers, strict=True):
        assert there["output"] == pytest.approx(here["output"], abs=artefact.golden_tolerance)


def test_each_artefact_answers_its_golden_cases(trusting, host, tmp_path):
    able = [name for name, each in host.artefacts.items() if each.backend in runtimes(trusting)]
    assert any(name.startswith("onnxruntime-") for name in able)
    done = trusting.python(REPLAY, tmp_path, *able)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [f"answers as judged: {name}" for name in able]


def runtimes(device: Device) -> set[str]:
    found = ("onnxruntime", "openvino")
    code = f"import importlib.util as u; print(*(n for n in {found} if u.find_spec(n)))"
    return set(device.python(code).out.split())


def test_the_device_s_own_commands_take_it(trusting, host):
    bundle, case = trusting.bundle, host.folder / "case.npy"
    assert "whole, signed by lab" in trusting.run("edgemed-device", "verify", bundle).out
    found = json.loads(trusting.run("edgemed-device", "doctor", bundle, "--json").out)
    able = {name for name, why in found["artefacts"].items() if not why}
    assert able == {name for name, each in host.artefacts.items() if each.backend in runtimes(trusting)}
    by_device = trusting.run("edgemed-device", "run", bundle, case, "--json")
    by_name = trusting.run("chest_xray", case, "--json")
    assert by_device.code == by_name.code == 0, by_device.err + by_name.err
    assert by_device.out == by_name.out
    assert json.loads(by_name.out)["outputs"]["output"]["decision"] in ("normal", "pneumonia")


@pytest.mark.parametrize("device", ["this Python"], indirect=True)
def test_a_user_s_lines_are_strictly_typed(device, tmp_path):
    used = tmp_path / "used.py"
    used.write_text(USED)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", device.bin / "python"]
    done = subprocess.run(
        [*mypy, "--cache-dir", tmp_path / "cache", used.name],
        cwd=tmp_path, env=device.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    shown, wrong, *_ = done.stdout.splitlines()
    assert 'used.py:6: note: Revealed type is "dict[str, ' in shown, done.stdout
    assert "float" in shown
    assert wrong.startswith('used.py:7: error: Unexpected keyword argument "thread" for "load"')
    assert done.stdout.count("error:") == 1


def test_it_leaves_nothing_behind(device):
    """The last: what was installed for all of these is gone then."""
    place = Path(device.bundle).parents[1]
    assert list(place.glob("chest_xray*"))
    assert list(device.bin.glob("chest_xray*"))
    done = device.run("pip", "uninstall", "-y", "-q", "chest-xray")
    assert done.code == 0, done.err
    assert list(place.glob("chest_xray*")) == list(device.bin.glob("chest_xray*")) == []
