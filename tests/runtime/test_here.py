"""What this machine can execute."""

from __future__ import annotations

import pytest

from edgemed.errors import BadInput, Unavailable
from edgemed.runtime import here
from edgemed.runtime.here import backend_here


@pytest.mark.parametrize("name", ["onnxruntime", "openvino"])
def test_fp32_and_int8_run_on_every_cpu(monkeypatch, name):
    """What their sums are without VNNI, golden cases tell."""
    for sets in ((), ("avx2",), ("asimd",)):
        monkeypatch.setattr(here, "instruction_sets", lambda sets=sets: frozenset(sets))
        for precision in ("fp32", "int8"):
            assert backend_here(name, precision).name == name


def test_bf16_is_for_a_cpu_that_has_it(monkeypatch):
    """Elsewhere OpenVINO would take fp32 and not tell."""
    for sets in (("avx2", "avx512_bf16"), ("asimd", "bf16")):
        monkeypatch.setattr(here, "instruction_sets", lambda sets=sets: frozenset(sets))
        assert backend_here("openvino", "bf16").name == "openvino"
    for sets, told in ((("avx2",), "avx2"), ((), "instruction sets unknown")):
        monkeypatch.setattr(here, "instruction_sets", lambda sets=sets: frozenset(sets))
        with pytest.raises(Unavailable, match=f"an artefact for another CPU.*{told}") as caught:
            backend_here("openvino", "bf16", where="a")
        assert caught.value.where == "a"
        assert "fp32, fp16, int8" in caught.value.remedy


def test_a_runtime_or_a_precision_that_edgemed_does_not_know_is_none_of_this_machine():
    with pytest.raises(BadInput, match="no backend 'later'"):
        backend_here("later", "fp32")
    with pytest.raises(Unavailable, match="no int2"):
        backend_here("onnxruntime", "int2")
