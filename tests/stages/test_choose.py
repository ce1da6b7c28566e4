"""The choice: what agrees, then what is faster than fp32 beyond noise, then the fastest of that."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.judge import agreement
from edgemed.stages.artefacts import ORIGINAL, Candidate
from edgemed.stages.choose import choose, missed_by
from edgemed.types import Agreement, Limits, OutputSpec

OUTPUT = OutputSpec("score", "regression", 1)
FP32, FP16, INT8 = (Candidate("onnxruntime", precision) for precision in ("fp32", "fp16", "int8"))
SCORES = np.linspace(0, 1, 50)


def _near(noise: float):
    wobble = noise * np.tile([1.0, -1.0], 25)
    return (agreement(OUTPUT, SCORES, SCORES + wobble, None, [str(i) for i in range(50)]),)


def _choice(
    launches: dict[Candidate, list[float]],
    far: tuple[Candidate, ...] = (),
    candidates: tuple[Candidate, ...] | None = None,
):
    """Launches of equal rounds at these medians in s, none where there are none; `far` do not agree.

    `candidates` are all of `launches` unless given.
    """
    random = np.random.default_rng(0)
    latencies = {
        each.id: np.array(medians)[:, None] * random.lognormal(0, 0.001, (len(medians), 60))
        for each, medians in launches.items()
        if medians
    }
    figures = {each.id: _near(0.5 if each in far else 1e-4) for each in launches}
    return choose(candidates or tuple(launches), figures, latencies, Agreement(), labelled=False)


def test_the_lowest_median_does_not_win_where_launches_deny_it():
    found = _choice({FP32: [1.0] * 5, FP16: [0.6, 0.6, 0.6, 1.1, 1.1], INT8: [0.8] * 5})
    assert found.kept == {"onnxruntime": (INT8.id,)}
    assert found.reasons[INT8.id].startswith("fastest on onnxruntime; agrees: ")
    assert found.reasons[FP16.id].startswith("not faster than fp32 beyond noise: ")
    assert "ratio 0.60 (95 % 0.60 to 1.10)" in found.reasons[FP16.id]
    said = f"{INT8.id} is faster: 800 ms against 1\u202f000 ms of {FP32.id}, ratio 0.80 "
    assert found.reasons[FP32.id].startswith(said)


def test_of_several_that_are_faster_the_fastest_is_kept():
    found = _choice({FP32: [1.0] * 5, FP16: [0.7] * 5, INT8: [0.5] * 5})
    assert found.kept == {"onnxruntime": (INT8.id,)}
    assert found.reasons[FP16.id].startswith(f"slower than {INT8.id} (ratio 0.50): 700 ms")
    assert found.agreeing == {FP32.id, FP16.id, INT8.id}


def test_fp32_stays_where_nothing_is_faster_beyond_noise():
    found = _choice({FP32: [1.0] * 5, INT8: [0.9, 0.9, 0.9, 1.1, 1.1]})
    assert found.kept == {"onnxruntime": (FP32.id,)}
    assert found.reasons[FP32.id].startswith("nothing else on onnxruntime that agrees is faster beyond noise")


def test_what_does_not_agree_is_neither_kept_nor_handed_over():
    found = _choice({FP32: [1.0] * 5, FP16: [0.5] * 5, INT8: [0.8] * 5}, far=(FP16,))
    assert found.kept == {"onnxruntime": (INT8.id,)}
    assert found.agreeing == {FP32.id, INT8.id}
    assert found.reasons[FP16.id].startswith("does not agree: value SNR")


@pytest.mark.parametrize("failed", [True, False])
def test_without_an_fp32_that_agrees_the_ratio_to_the_original_ranks(failed: bool):
    fp32, fp16, int8 = (Candidate("openvino", precision) for precision in ("fp32", "fp16", "int8"))
    launches = {ORIGINAL: [1.0] * 5, fp32: [0.3] * 5, fp16: [1.2] * 5, int8: [1.1] * 5}
    if failed:
        del launches[fp32]
    found = _choice(launches, far=(fp32,), candidates=(fp32, fp16, int8))
    assert found.kept == {"openvino": (int8.id,)}
    assert found.reasons[fp16.id].startswith(f"slower than {int8.id} (ratio 1.10): ")


def test_what_could_not_be_timed_is_kept_as_far_as_it_agrees():
    elsewhere = [
        Candidate("tensorrt", precision, unmeasured="no GPU here", stand_in=True)
        for precision in ("fp32", "fp16", "int8")
    ]
    launches = {FP32: [1.0] * 5, INT8: [0.5] * 5} | {each: [] for each in elsewhere}
    found = _choice(launches, far=(elsewhere[1],))
    assert found.kept == {"onnxruntime": (INT8.id,), "tensorrt": ("tensorrt-fp32", "tensorrt-int8")}
    assert found.reasons["tensorrt-int8"].startswith("agrees: ")
    assert found.reasons["tensorrt-fp16"].startswith("does not agree: ")


def test_times_of_another_machine_neither_choose_nor_drop():
    fp32, fp16, int8, crashed = (
        Candidate("openvino", precision, unmeasured="it is aarch64")
        for precision in ("fp32", "fp16", "int8", "bf16")
    )
    launches = {ORIGINAL: [1.0] * 5, fp32: [1.0] * 5, fp16: [9.0] * 5, int8: [0.5] * 5, crashed: []}
    found = _choice(launches, far=(fp32,), candidates=(fp32, fp16, int8, crashed))
    assert found.kept == {"openvino": (fp16.id, int8.id)}
    assert found.reasons[fp16.id].startswith("agrees: ")
    assert crashed.id not in found.reasons, "it failed: it has no time, and no stand-in answered for it"


def test_limits_are_held_only_against_what_was_measured_on_the_target():
    afar = Candidate("openvino", "int8", unmeasured="it is aarch64")
    latencies = {each.id: np.full((1, 20), 0.2) for each in (FP32, afar)}
    costs = {each.id: (50.0, 900.0) for each in (FP32, afar)}
    missed = missed_by((FP32, INT8, afar), Limits(latency_ms=100, memory_mib=500), latencies, costs)
    assert missed == {FP32.id: ("latency: median 200 ms, at most 100", "memory: 900 MiB, at most 500")}


def test_a_pruned_fp32_neither_stands_for_fp32_nor_escapes_the_comparison_with_it():
    pruned = Candidate("onnxruntime", "fp32", pruned=True)
    slow = _choice({FP32: [1.0] * 5, pruned: [1.2] * 5})
    assert slow.kept == {"onnxruntime": (FP32.id,)}
    assert slow.reasons["onnxruntime-fp32-pruned"].startswith("not faster than fp32 beyond noise")
    fast = _choice({FP32: [1.0] * 5, pruned: [0.4] * 5, INT8: [0.5] * 5})
    assert fast.kept == {"onnxruntime": (pruned.id,)}
