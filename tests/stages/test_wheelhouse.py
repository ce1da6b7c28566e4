"""A wheelhouse is complete for the Python that it is for, whatever the one that collects it, or is not there.

pip is the real one; its index is a folder of small wheels.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgemed.errors import BadInput, ToolFailure
from edgemed.stages.device_python import GLIBC, PYTHONS, DevicePython
from edgemed.stages.wheel_file import write_wheel_file
from edgemed.stages.wheelhouse import collect, unmet
from edgemed.targets import load_target, target_names

pytestmark = pytest.mark.slow
JETSON, PI = DevicePython("3.10", "aarch64"), DevicePython("3.13", "aarch64")
OTHER = PYTHONS[0] if sys.version_info[:2] != (3, 10) else PYTHONS[1]
"""A Python that is not the one that runs."""


def put(folder: Path, name: str, *needs: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
    """A wheel that asks for `needs`."""
    path, info = folder / f"{name}-{version}-{tag}.whl", f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Provides-Extra: images"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    texts = {
        "METADATA": "\n".join(lines),
        "WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    write_wheel_file(path, info, {f"{info}/{name}": [text.encode()] for name, text in texts.items()})
    return path


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """All that pip finds."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def model(*needs: str) -> Callable[[Path], Path]:
    return lambda folder: put(folder, "model", *needs)


def told(line: str) -> None:
    assert line


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in folder.iterdir())


def test_what_is_needed_there_is_walked_with_its_markers(tmp_path):
    put(
        tmp_path, "model", 'old==1; python_version < "3.11"', 'new; python_version >= "3.11"',
        'pc; platform_machine == "x86_64"', 'pictures[fast]>=2; extra == "images"', "Inner.Part",
    )  # fmt: skip
    put(tmp_path, "pictures", 'speed; extra == "fast"', 'odd; extra == "slow"', version="2.0")
    put(tmp_path, "inner_part", 'typing; python_full_version < "3.13"', "model")
    assert unmet(tmp_path, "model", JETSON) == ["old==1", "typing"]
    assert unmet(tmp_path, "model", PI) == ["new"]
    assert unmet(tmp_path, "model", DevicePython("3.13", "x86_64")) == ["new", "pc"]
    assert unmet(tmp_path, "model[images]", PI) == ["new", "speed"]
    assert unmet(tmp_path, "model>=2", PI) == ["model>=2"]


def test_what_pip_leaves_out_for_another_python_is_fetched_too(index, tmp_path):
    """pip compares markers with the Python that runs it, here of packages that the model's need."""
    put(index, "runtime", f'backport; python_version == "{OTHER}"')
    put(index, "backport")
    paths = collect(tmp_path / "house", "model", DevicePython(OTHER, "x86_64"), [model("runtime==1.0")], told)
    assert [path.parent.name for path in paths] == ["house"] * 3
    assert names(tmp_path / "house") == ["backport", "model", "runtime"]


@pytest.mark.parametrize(("glibc", "taken"), [(GLIBC["aarch64"], "2.0"), (GLIBC["aarch64"] + 1, "1.0")])
def test_a_wheel_for_a_newer_glibc_or_another_python_is_not_taken(glibc, taken, index, tmp_path):
    put(index, "runtime", version="1.0", tag="cp310-abi3-manylinux2014_aarch64")
    put(index, "runtime", version="2.0", tag=f"cp310-cp310-manylinux_2_{glibc}_aarch64")
    put(index, "runtime", version="3.0", tag="cp311-cp311-manylinux2014_aarch64")
    put(index, "runtime", version="4.0", tag="cp310-cp310-manylinux2014_x86_64")
    collect(tmp_path / "house", "model", JETSON, [model("runtime")], told)
    (found,) = (tmp_path / "house").glob("runtime-*")
    assert found.name.split("-")[1] == taken


def test_what_an_older_glibc_takes_comes_first(index, tmp_path):
    for tag in ("manylinux_2_34", "manylinux_2_17", "manylinux_2_28"):
        put(index, "runtime", tag=f"cp313-cp313-{tag}_aarch64")
    collect(tmp_path / "house", "model", PI, [model("runtime")], told)
    assert [path.name for path in (tmp_path / "house").glob("runtime-*manylinux_2_17_*")]


def test_devices_have_the_glibc_that_is_counted_on():
    for target in map(load_target, target_names()):
        if target.wheel.platform:
            assert int(target.wheel.platform.split("_")[2]) >= GLIBC[target.wheel.platform.split("_", 3)[3]]


def test_nothing_is_there_where_pip_finds_no_wheel(index, tmp_path):
    put(index, "runtime", version="3.0", tag="cp311-cp311-manylinux2014_aarch64")
    with pytest.raises(ToolFailure) as failed:
        collect(tmp_path / "house", "model", JETSON, [model("runtime")], told)
    assert "Python 3.10 on aarch64" in failed.value.problem
    assert "No matching distribution found for runtime" in failed.value.problem
    assert "PIP_INDEX_URL" in failed.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_what_is_there_is_not_written_over(index, tmp_path):
    for there in (tmp_path / "folder", tmp_path / "file"):
        there.mkdir() if there.name == "folder" else there.touch()
        with pytest.raises(BadInput, match="exists"):
            collect(there, "model", JETSON, [model()], told)
    (tmp_path / "gone").symlink_to("nowhere")
    with pytest.raises(BadInput, match="exists"):
        collect(tmp_path / "gone", "model", JETSON, [model()], told)


def test_an_interruption_ends_pip_and_leaves_nothing(start, tmp_path):
    """The index takes pip's call and says nothing."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom edgemed.stages.device_python import DevicePython\n"
        "from edgemed.stages.wheelhouse import collect\nfrom test_wheelhouse import model\n"
        "collect(Path('house'), 'model', DevicePython('3.10', 'aarch64'), [model('runtime')], print)\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        env = {
            **os.environ,
            "PIP_INDEX_URL": f"http://127.0.0.1:{server.getsockname()[1]}/simple",
            "PIP_CONFIG_FILE": os.devnull,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
        }
        process = start([sys.executable, "-c", code], cwd=tmp_path, env=env)
        called, _ = server.accept()
        with called:
            (part,) = tmp_path.iterdir()
            assert part.name.startswith(".house.")
            (pip,) = children(process.pid)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert list(tmp_path.iterdir()) == []
    assert not Path(f"/proc/{pip}").exists()


def children(pid: int) -> list[int]:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, check=False)
        if found.stdout:
            return [int(line) for line in found.stdout.split()]
    return []
