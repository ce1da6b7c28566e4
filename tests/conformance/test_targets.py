"""What every target file has to hold: edgemed's own, and those in the folder that EDGEMED_TARGETS names."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tomllib
from packaging.specifiers import SpecifierSet

from edgemed.backends import backend_names
from edgemed.errors import BadInput, ToolFailure
from edgemed.sources.normalise import LARGEST_OPSET, OPSET
from edgemed.targets import ENTRY_POINT, Target, load_target, target_files, target_names

_GIVEN = os.environ.get("EDGEMED_TARGETS")
PATHS = (Path(_GIVEN),) if _GIVEN else ()
TARGETS = {name: load_target(name, paths=PATHS) for name in target_names(PATHS)}
DEVICES = {name: target for name, target in TARGETS.items() if target.arch is not None}

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
every_device = pytest.mark.parametrize("target", DEVICES.values(), ids=DEVICES)


def test_the_devices_asked_for_are_there() -> None:
    assert set(DEVICES) >= {
        "x86-64", "x86-64-vnni", "raspberry-pi-5", "jetson-orin-nano-jp6", "jetson-agx-orin-jp7",
        "jetson-thor", "nvidia-rtx",
    }  # fmt: skip
    assert set(TARGETS) - set(DEVICES) >= {"host", "onnxruntime", "openvino"}


@every_target
def test_its_runtimes_are_known_and_named_once(target: Target) -> None:
    assert [name for name in target.backends if name not in backend_names()] == []
    assert len(set(target.backends)) == len(target.backends)
    assert len(set(target.precisions)) == len(target.precisions)
    assert target.description


@every_target
def test_what_is_written_is_what_is_read(target: Target) -> None:
    data = tomllib.loads(target_files(PATHS)[target.name].read_text(encoding="utf-8"))
    read = target.to_dict()
    assert {key: read[key] for key in data if not isinstance(data[key], dict)} == {
        key: value for key, value in data.items() if not isinstance(value, dict)
    }
    for table in (key for key, value in data.items() if isinstance(value, dict)):
        assert {key: read[table][key] for key in data[table]} == data[table]


@every_device
def test_a_device_tells_all_that_people_need(target: Target) -> None:
    for text in (target.install, target.unverified):
        assert len(text.split()) > 10
        assert [line for line in text.splitlines() if len(line) > 78] == []
    assert "edgemed-device tune" in target.install
    assert target.sources
    assert target.instruction_sets


@every_device
def test_its_limits_are_those_of_a_device(target: Target) -> None:
    assert target.limits.latency_ms is not None
    assert target.limits.memory_mib is not None
    assert 1 <= target.limits.latency_ms <= 60_000
    assert 256 <= target.limits.memory_mib <= 1 << 17
    told = " ".join([target.unverified, target.install, *target.sources])
    for word in ("latency", "memory"):
        assert word in told, f"say where the {word} limit comes from"


@every_device
def test_its_wheel_is_one_that_pip_can_choose(target: Target) -> None:
    assert target.wheel.platform.endswith(f"_{target.arch}")
    for versions in (target.wheel.python, *target.wheel.requires.values()):
        assert len(SpecifierSet(versions)) > 0
    runtimes = {"onnxruntime", "openvino"} & set(target.backends)
    assert runtimes <= set(target.wheel.requires)
    if target.tensorrt is not None and target.tensorrt.package == "tensorrt-rtx":
        required = SpecifierSet(target.wheel.requires["tensorrt-rtx"])
        assert required == SpecifierSet(target.tensorrt.versions)
    newest = max(minor for minor in range(10, 15) if f"3.{minor}" in SpecifierSet(target.wheel.python))
    if newest == 10:
        assert "1.23.2" in SpecifierSet(target.wheel.requires["onnxruntime"])
        assert "1.24" not in SpecifierSet(target.wheel.requires["onnxruntime"]), (
            "has no wheel for Python 3.10"
        )


@every_device
def test_its_gpu_is_one_that_engines_can_be_built_for(target: Target) -> None:
    spec = target.tensorrt
    assert (spec is None) == ("tensorrt" not in target.backends)
    if spec is None:
        return
    for each in spec.compute_capabilities:
        assert re.fullmatch(r"(7|8|9|10|11|12)\.[0-9]", each)
    assert OPSET <= spec.opset <= LARGEST_OPSET
    majors = {str(major) for major in range(1, 20) if f"{major}.9" in SpecifierSet(spec.versions)}
    assert majors
    if "10" in majors and spec.package == "tensorrt":
        assert spec.opset <= 19


@every_device
def test_it_cannot_be_mistaken_for_any_other_machine(target: Target) -> None:
    other = "aarch64" if target.arch == "x86_64" else "x86_64"
    assert target.misfits(other, frozenset())
    assert target.misfits(target.arch or "", frozenset())
    has = frozenset(name for each in target.instruction_sets for name in each.split(" or "))
    gpu = target.tensorrt.compute_capabilities[0] if target.tensorrt else ""
    board = f"{target.board} Rev 1.0" if target.board else ""
    assert target.misfits(target.arch or "", has, board=board, compute_capability=gpu) == ()
    for name in target.without:
        assert target.misfits(target.arch or "", has | {name}, board=board, compute_capability=gpu)


@every_target
def test_it_loads_by_every_way(target: Target, tmp_path: Path, installed: Callable[[str], Path]) -> None:
    text = target_files(PATHS)[target.name].read_text(encoding="utf-8")
    own = {**target.to_dict(), "name": "ours"}
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards/ours.toml").write_text(text, encoding="utf-8")
    assert load_target(target.name, paths=PATHS) == target
    assert load_target("boards/ours.toml", tmp_path).to_dict() == own
    assert load_target("ours", paths=[tmp_path / "boards"]).to_dict() == own
    with pytest.raises(BadInput, match="no target 'ours'"):
        load_target("ours")
    (installed("acme_boards") / "ours.toml").write_text(text, encoding="utf-8")
    assert load_target("ours").to_dict() == own
    assert "ours" in target_names()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """`installed(package)`: the folder of a package, or of one inside it, which offers its targets.

    Pip has installed it.
    """

    def install(package: str) -> Path:
        site = tmp_path / "site"
        top, *inside = package.split(".")
        info = site / f"{top}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {top}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{ENTRY_POINT}]\nacme = {package}\n")
        folder = site.joinpath(top, *inside)
        folder.mkdir(parents=True)
        (site / top / "__init__.py").write_text("raise RuntimeError('nothing of it is to be run')\n")
        monkeypatch.syspath_prepend(site)
        return folder

    return install


def test_two_targets_of_one_name_are_refused(tmp_path: Path, installed: Callable[[str], Path]) -> None:
    text = target_files()["host"].read_text(encoding="utf-8")
    (tmp_path / "boards").mkdir()
    (tmp_path / "boards/host.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="two targets have the name 'host'") as caught:
        load_target("host", paths=[tmp_path / "boards"])
    assert "boards/host.toml" in caught.value.where
    (installed("acme_boards") / "host.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match="two targets have the name 'host'"):
        target_names()


def test_the_same_folder_twice_is_no_contradiction(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(target_files()["host"].read_text(encoding="utf-8"), encoding="utf-8")
    assert "ours" in target_names([tmp_path, tmp_path / "../" / tmp_path.name])


def test_a_package_without_its_folder_is_named(installed: Callable[[str], Path]) -> None:
    package = installed("acme_boards")
    (package / "__init__.py").unlink()
    package.rmdir()
    with pytest.raises(ToolFailure, match="acme_boards names no folder") as caught:
        target_names()
    assert "pip uninstall acme_boards" in caught.value.remedy


def test_a_folder_inside_a_package_is_found_without_running_it(installed: Callable[[str], Path]) -> None:
    folder = installed("acme_boards.targets")
    (folder / "ours.toml").write_text(target_files()["host"].read_text(encoding="utf-8"), encoding="utf-8")
    assert load_target("ours").name == "ours"
    shutil.rmtree(folder)
    with pytest.raises(ToolFailure, match=r"names no folder: acme_boards\.targets"):
        target_names()


def test_a_targets_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a folder") as caught:
        load_target("host", paths=[tmp_path / "none"])
    assert "--targets-path" in caught.value.where
