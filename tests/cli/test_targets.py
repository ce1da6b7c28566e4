"""`edgemed targets`: the list, one target in full, targets of one's own."""

from __future__ import annotations

import platform

import pytest

from edgemed.runtime import board_name, instruction_sets
from edgemed.targets import load_target, target_files, target_names

OURS = """description = "our box"
arch = "aarch64"
backends = ["onnxruntime"]
precisions = ["fp32", "int8"]
install = "plug it in"
"""


@pytest.fixture
def boards(site):
    (site / "boards").mkdir()
    (site / "boards/ours.toml").write_text(OURS)
    return site


def test_each_is_listed_with_its_name_whole(site):
    done = site.run("targets")
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    words = done.out.split()
    for name in target_names():
        assert name in words
    for column in ("arch", "runtimes", "precisions", "here"):
        assert column in words
    told = " ".join(words)
    assert "here: this machine can stand for the target, so a compile's times decide;" in told
    assert "for the others those of edgemed-device tune, there." in told


def test_what_is_listed_is_what_the_files_hold(site):
    listed = site.run("targets", "--json").json
    assert [each["name"] for each in listed] == list(target_names())
    for each in listed:
        target = load_target(each["name"])
        found = target.misfits(platform.machine(), instruction_sets(), board=board_name())
        if target.tensorrt is None:
            assert each["misfits"] == list(found)
        assert {key: value for key, value in each.items() if key != "misfits"} == target.to_dict()


@pytest.mark.parametrize("name", ["raspberry-pi-5", "nvidia-rtx", "host"])
def test_one_is_told_in_full(site, name):
    done = site.run("targets", name)
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    target, flat = load_target(name), " ".join(done.out.split())
    for text in (target.description, target.install, target.unverified, *target.sources):
        assert " ".join(text.split()) in flat
    for word in (*target.backends, *target.precisions, *target.instruction_sets, *target.without):
        assert word in flat
    assert ("at most 1000 ms (p99; a lower percentile with few rounds)" in flat) == (name != "host")
    assert ("tactics timed on the device once" in flat) == (target.tensorrt is not None)
    assert ("can stand for the target" in flat) == (name == "host")
    assert site.run("targets", name, "--json").json["name"] == name


def test_targets_of_ones_own_join_the_list(boards):
    names = [each["name"] for each in boards.run("targets", "--targets-path", "boards", "--json").json]
    assert names == sorted([*target_names(), "ours"])
    for given in (("ours", "--targets-path", "boards"), ("boards/ours.toml",)):
        done = boards.run("targets", *given)
        assert done.code == 0, done.err
        assert "our box" in done.out
        assert "plug it in" in done.out


def test_a_broken_one_is_refused_with_its_place(boards):
    boards.run("targets", "raspbery-pi-5").refused(
        2, "no target 'raspbery-pi-5'", "where: NAME", "did you mean 'raspberry-pi-5'"
    )
    boards.run("targets", "--targets-path", "none").refused(2, "not a folder", "--targets-path none")
    (boards / "boards/ours.toml").write_text(OURS + "[limits]\nmemory_mib = 0\n")
    words = ("0 MiB is no possible limit", "limits.memory_mib in boards/ours.toml", "leave the limit out")
    boards.run("targets", "boards/ours.toml").refused(2, *words)
    boards.run("targets", "--targets-path", "boards").refused(2, *words)
    (boards / "boards/ours.toml").write_text(OURS.replace("onnxruntime", "onnxrt"))
    boards.run("targets", "boards/ours.toml").refused(
        2, "no backend 'onnxrt'", "did you mean 'onnxruntime'", "backends of target ours"
    )
    refused = boards.run("targets", "boards/ours.toml", "--json")
    assert refused.json["exit_code"] == 2
    assert "onnxrt" in refused.json["error"]["problem"]


def test_every_file_under_targets_is_a_target(site):
    assert {path.suffix for path in target_files()["host"].parent.iterdir()} == {".toml"}
