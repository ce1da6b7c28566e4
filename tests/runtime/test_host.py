"""Facts about this machine, and what follows from instruction sets."""

from __future__ import annotations

import getpass
import os
import platform
import socket

import pytest

from edgemed.runtime import host_facts, instruction_sets, int8_sums_saturate
from edgemed.runtime.host import free_memory
from edgemed.types.processor import arm_core


def test_facts_are_of_this_machine_and_name_nobody():
    facts = host_facts()
    assert set(facts) == {"arch", "board", "cpu", "instruction_sets", "cores", "system", "python"}
    assert facts["arch"] == platform.machine()
    assert facts["cores"] == str(os.cpu_count())
    assert facts["cpu"]
    assert set(facts["instruction_sets"].split()) == instruction_sets()
    text = " ".join(facts.values()).split()
    assert socket.gethostname() not in text
    assert getpass.getuser() not in text


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these sets are of x86")
def test_an_x86_processor_has_sse():
    assert "sse4_1" in instruction_sets()


@pytest.mark.parametrize(
    ("arch", "sets", "saturates"),
    [
        ("x86_64", {"avx2"}, True),
        ("AMD64", {"avx2", "avx512f"}, True),
        ("x86_64", set(), True),
        ("x86_64", {"avx2", "avx_vnni"}, False),
        ("x86_64", {"avx512_vnni"}, False),
        ("x86_64", {"amx_int8"}, False),
        ("aarch64", set(), False),
        ("aarch64", {"asimddp"}, False),
    ],
)
def test_x86_without_vnni_saturates(arch: str, sets: set[str], saturates: bool):
    assert int8_sums_saturate(arch, frozenset(sets)) is saturates


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        ("0x41", "0xd0b", "Cortex-A76"),
        ("0x41", "0xfff", "implementer 0x41 part 0xfff"),
        ("0x61", "0xd0b", "implementer 0x61 part 0xd0b"),
        ("", "0xd0b", "implementer unknown part 0xd0b"),
    ],
)
def test_an_arm_core_is_named_by_its_numbers(implementer: str, part: str, name: str):
    assert arm_core(implementer, part) == name


def test_free_memory_is_some_of_all_memory():
    free = free_memory()
    assert free is not None
    assert 0 < free < os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
