"""int8 sums that saturate on x86 without VNNI: the golden cases find it before a patient is answered."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from bright import pictures

from edgemed.runtime import host_facts, instruction_sets, int8_sums_saturate
from edgemed.targets import target_files

pytestmark = pytest.mark.slow

RUNTIMES = ("onnxruntime", "openvino")


@pytest.fixture(scope="module")
def bundles(lab) -> dict[tuple[str, str], Path]:
    """By bits of the weights and runtime: a bundle of the int8 artefact alone, judged here.

    8 bits are what a target with VNNI gets, 7 what one without gets. No machine is the first, so that
    all that agree are kept, however fast.
    """
    if int8_sums_saturate(host_facts()["arch"], instruction_sets()):
        pytest.skip("this CPU has no VNNI: it gives int8 weights 7 bits, whatever the target")
    with_vnni = target_files()["x86-64-vnni"].read_text(encoding="utf-8")
    (lab.folder / "vnni.toml").write_text('board = "another"\n' + with_vnni)
    np.savez(lab.folder / "one.npz", image=pictures(2, seed=9)[0][1])
    made = {}
    for bits, target in (("8", "vnni.toml"), ("7", "x86-64")):
        out = lab.compile(target)
        for runtime in RUNTIMES:
            name = f"{runtime}-{bits}-bits"
            int8 = out / "artefacts" / f"{runtime}-int8"
            shutil.copytree(int8, lab.folder / name / "artefacts" / int8.name)
            for paper in ("model_card.md", "sbom.cdx.json"):
                shutil.copy(out / paper, lab.folder / name)
            made[bits, runtime] = lab.pack(lab.folder / name, name)
    return made


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_what_saturates_is_refused_without_vnni(bundles, lab, haswell, runtime):
    done = haswell.command("run", bundles["8", runtime], lab.folder / "one.npz")
    words = ("golden cases differ by", "this machine does not compute what was judged")
    done.refused(5, *words, "compile for this machine's instruction sets")
    assert done.out == ""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_weights_of_7_bits_are_taken_without_vnni(bundles, lab, haswell, runtime):
    done = haswell.command("run", bundles["7", runtime], lab.folder / "one.npz")
    assert done.code == 0, done.err
    assert done.out.startswith("finding: positive")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_this_machine_has_vnni_and_takes_both(bundles, lab, runtime, tmp_path):
    here = lab.here(tmp_path)
    for bits in ("7", "8"):
        done = here.command("run", bundles[bits, runtime], lab.folder / "one.npz")
        assert done.code == 0, done.err
        assert done.out.startswith("finding: positive")


def test_the_emulated_processor_is_known_to_saturate(haswell):
    code = (
        "from edgemed.runtime import host_facts, instruction_sets as sets, int8_sums_saturate as saturate\n"
        "print(*sorted(sets()), saturate(host_facts()['arch'], sets()))"
    )
    done = haswell.run("-c", code)
    assert done.out.split() == ["avx", "avx2", "f16c", "fma", "sse4_1", "True"], done.err
