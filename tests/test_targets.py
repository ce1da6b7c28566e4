"""Targets: what they refuse, and what follows from their processor."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgemed.errors import BadInput
from edgemed.targets import Target, load_target

BASE = """description = "ours"
backends = ["onnxruntime"]
precisions = ["fp32"]
"""
PC = BASE + 'arch = "x86_64"\n'
GPU = PC.replace("onnxruntime", "tensorrt")
RTX = '[tensorrt]\npackage = "tensorrt-rtx"\ncompute_capabilities = ["8.6"]\n'


def read(folder: Path, text: str) -> Target:
    (folder / "ours.toml").write_text(text)
    return load_target("ours.toml", folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BASE + "colour = 1", ("unknown key 'colour'", "ours.toml")),
        pytest.param(BASE + "x = " + "[" * 5000, ("not valid TOML", "ours.toml"), id="nested"),
        pytest.param(BASE + "x = " + "1" * 5000, ("not valid TOML", "ours.toml"), id="huge number"),
        pytest.param(
            GPU + RTX + f'versions = ">={"1" * 5000}"', ("names no versions", "ours.toml"), id="huge version"
        ),
        (PC + 'instruction_set = ["avx2"]', ("unknown key", "did you mean 'instruction_sets'")),
        (PC + 'instruction_sets = ["avx3"]', ("no instruction set 'avx3'", "instruction_sets in ours.toml")),
        (PC + 'instruction_sets = ["asimd"]', ("x86_64 has no instruction set 'asimd'",)),
        (PC + 'instruction_sets = ["avx2 or avx3"]', ("no instruction set 'avx3'",)),
        (PC + 'without = ["avx512"]', ("no instruction set 'avx512'", "did you mean 'avx512f'")),
        (
            PC + 'without = ["avx512_vnni or avx_vnni"]',
            ("no instruction set 'avx512_vnni or avx_vnni'", "without in ours.toml"),
        ),
        (BASE + 'board = "Acme 5"', ("a board of no arch", "board in ours.toml", 'arch = "x86_64"')),
        (BASE + 'without = ["avx2"]', ("instruction sets of no arch", "without in ours.toml")),
        (PC + 'instruction_sets = ["avx2"]\nwithout = ["avx2"]', ("avx2 is in instruction_sets too",)),
        (BASE + 'arch = "x86"', ("'x86' is not allowed here", "did you mean 'x86_64'", "arch in ours.toml")),
        (BASE + "[limits]\nlatency_ms = 0", ("0 ms is no possible limit", "limits.latency_ms in ours.toml")),
        (BASE + "[limits]\nlatency_ms = -5.0", ("-5 ms is no possible limit", "leave the limit out")),
        (BASE + "[limits]\nlatency_ms = inf", ("expected a finite number",)),
        (BASE + "[limits]\nmemory_mib = nan", ("expected a finite number", "limits.memory_mib")),
        (BASE + "[limits]\nmemory_mib = 4294967296", ("4.29497e+09 MiB is no possible limit",)),
        (BASE + '[limits]\nmemory_mib = "4 GB"', ("expected float, found '4 GB'",)),
        (BASE + "[limits]\nmemory = 1", ("unknown key 'memory'", "did you mean 'memory_mib'")),
        (BASE + '[wheel]\npython = "3.10"', ("no version specifier", "wheel.python in ours.toml")),
        (BASE + "[wheel.requires]\nnumpy = 'new'", ("no version specifier", "wheel.requires.numpy")),
        (BASE + "[wheel]\nplatform = 'jetson'", ("no platform tag", "manylinux_2_35_aarch64")),
        (PC + "[wheel]\nplatform = 'manylinux_2_35_aarch64'", ("is not for x86_64",)),
        (GPU, ("needs to know the GPU", "add a table [tensorrt]")),
        (PC + RTX, ("a table for a backend that the target has not", "tensorrt in ours.toml")),
        (GPU + RTX.replace("8.6", "8.7"), ("does not build for 8.7", "tensorrt.compute_capabilities")),
        (GPU + RTX.replace("8.6", "7.5"), ("does not build for 7.5", "tensorrt.compute_capabilities")),
        (GPU + RTX.replace('"8.6"', '"8.6", "8.6"'), ("8.6 is named twice", "compute_capabilities")),
        (GPU + RTX.replace("8.6", "86"), ("compute_capabilities", "ours.toml")),
        (
            GPU + "[wheel.requires]\ntensorrt = '>=10'\n" + RTX.replace("-rtx", ""),
            ("comes with the device's system", "wheel.requires.tensorrt", "leave it out"),
        ),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(BadInput) as caught:
        read(tmp_path, text)
    told = str(caught.value)
    assert [word for word in words if word not in told] == [], told
    assert "ours.toml" in caught.value.where
    assert caught.value.remedy


def test_the_machine_at_hand_fits_and_is_asked(tmp_path: Path) -> None:
    host = read(tmp_path, BASE)
    assert host.misfits("riscv64", frozenset()) == ()
    assert host.int8_sums_saturate("x86_64", frozenset({"avx2"}))
    assert not host.int8_sums_saturate("x86_64", frozenset({"avx_vnni"}))
    assert not host.int8_sums_saturate("aarch64", frozenset())


def test_misfits_are_told_in_words(tmp_path: Path) -> None:
    pc = read(tmp_path, PC + 'instruction_sets = ["avx2", "avx512_vnni or avx_vnni"]\nwithout = ["amx_int8"]')
    fitting = frozenset({"avx2", "avx_vnni"})
    assert pc.misfits("x86_64", fitting) == pc.misfits("AMD64", fitting) == ()
    assert pc.misfits("arm64", fitting) == ("it is x86_64, this machine aarch64",)
    assert pc.misfits("x86_64", frozenset({"avx2", "amx_int8"})) == (
        "it has avx512_vnni or avx_vnni, this machine has not",
        "it has no amx_int8, this machine has",
    )


def test_a_board_and_a_gpu_are_asked_for(tmp_path: Path) -> None:
    board = read(tmp_path, PC + 'board = "Acme 5"')
    assert board.misfits("x86_64", frozenset(), board="Acme 5 Model B") == ()
    assert board.misfits("x86_64", frozenset()) == ("its board is Acme 5, this machine tells of none",)
    gpu = read(tmp_path, GPU + RTX)
    assert gpu.misfits("x86_64", frozenset(), compute_capability="8.6") == ()
    for capability in ("", "8.9"):
        (reason,) = gpu.misfits("x86_64", frozenset(), compute_capability=capability)
        assert reason.startswith("it has an NVIDIA GPU of compute capability 8.6, this machine ")


@pytest.mark.parametrize(
    ("sets", "saturates"),
    [
        ([], True),
        (["avx2"], True),
        (["avx512_vnni"], False),
        (["avx2", "avx512_vnni or avx_vnni"], False),
        (["avx512_vnni or avx2"], True),
    ],
)
def test_int8_saturates_where_some_such_device_has_no_vnni(
    tmp_path: Path, sets: list[str], saturates: bool
) -> None:
    pc = read(tmp_path, PC + f"instruction_sets = {sets}")
    for here in (frozenset[str](), frozenset({"avx_vnni"})):
        assert pc.int8_sums_saturate("x86_64", here) is saturates
    arm = read(tmp_path, BASE + 'arch = "aarch64"\ninstruction_sets = ["asimd"]')
    assert not arm.int8_sums_saturate("x86_64", frozenset())


def test_a_target_says_whether_a_board_keeps_what_it_timed(tmp_path: Path) -> None:
    kept, forgotten = (read(tmp_path, GPU + RTX + more).tensorrt for more in ("", "timing_cache = false\n"))
    assert kept is not None
    assert kept.timing_cache
    assert forgotten is not None
    assert not forgotten.timing_cache


def test_certain_sets_are_those_of_every_such_device(tmp_path: Path) -> None:
    pc = read(tmp_path, PC + 'instruction_sets = ["avx2", "avx512_vnni or avx_vnni"]')
    assert pc.certain_sets == {"avx2"}
