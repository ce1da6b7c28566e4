"""`edgemed-device tune`: what it measures, leaves out, chooses and writes."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from artefacts import change_manifest

from edgemed.backends.registry import ENTRY_POINT
from edgemed.device.tune import fastest
from edgemed.device.tuned_text import in_words
from edgemed.judge.latency import faster, percentiles
from edgemed.judge.limits import missed_limits
from edgemed.types import Limits, digest_of_file
from edgemed.types.tuned import Tuned, TunedArtefact

ORT, OV = "artefacts/onnxruntime-fp32", "artefacts/openvino-fp32"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.slow
def test_every_artefact_is_measured_and_the_fastest_written_down(both):
    before = files(both.out)
    done = both.tune("--json")
    assert done.code == 0, done.err
    written = (both.out / "tuned.json").read_text()
    assert written == done.out
    tuned = Tuned.from_json(written)
    assert list(tuned.artefacts) == [ORT, OV]
    assert (tuned.refused, tuned.launches, tuned.baseline) == ({}, 2, ORT)
    for name, each in tuned.artefacts.items():
        assert each.manifest == digest_of_file(both.out / name / "manifest.json")
        assert 0 < each.latency.p50_ms < 1000
        assert each.latency.n == each.ratio.rounds
        assert each.load_ms > 0
        assert each.memory_mib > 0
        assert each.missed == ()
        assert each.target == ""
    assert "the artefacts are for" not in done.err
    assert tuned.artefacts[ORT].ratio.ratio == 1.0
    assert tuned.best == fastest(tuned.artefacts, ORT)
    assert set(tuned.tools) == {"edgemed", "numpy", "onnxruntime", "openvino"}
    assert tuned.host["arch"]
    assert files(both.out) == {**before, "tuned.json": written.encode()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limits", "given", "told"),
    [
        ({"latency_ms": 900}, (), "the artefacts are for thor, and so are the limits\n"),
        ({"latency_ms": 900}, ("--latency-ms", "800"), "the artefacts are for thor\n"),
        ({}, (), "the artefacts are for thor\n"),
    ],
)
def test_for_which_targets_artefacts_are_is_told(device, artefact, limits, given, told):
    change_manifest(device.place(artefact("cnn1d")[1], "ort"), target="thor", limits=limits)
    done = device.tune("--json", *given)
    assert done.code == 0, done.err
    assert told in done.err
    assert done.json["artefacts"]["artefacts/ort"]["target"] == "thor"


@pytest.mark.slow
def test_several_targets_are_named(both):
    for name, target in ((ORT, "pi"), (OV, "nano")):
        change_manifest(both.out / name, target=target)
    done = both.tune("--json")
    assert done.code == 0, done.err
    assert "the artefacts are for nano, pi\n" in done.err
    assert [each["target"] for each in done.json["artefacts"].values()] == ["pi", "nano"]


@pytest.mark.slow
def test_a_second_run_measures_again_and_prints_a_table(both):
    assert both.tune().code == 0
    first = (both.out / "tuned.json").read_bytes()
    done = both.tune()
    assert done.code == 0, done.err
    tuned = Tuned.from_json((both.out / "tuned.json").read_text())
    assert (both.out / "tuned.json").read_bytes() != first
    assert max(map(len, done.out.splitlines())) <= 80
    for told in (ORT, OV, f"best       {tuned.best}", "written    out/tuned.json", "95 % interval"):
        assert told in done.out
    assert "launch 2 of 2 is done" in done.err


@pytest.mark.slow
def test_what_cannot_be_trusted_or_run_is_left_out_with_its_reason(both, artefact):
    changed = both.place(artefact("cnn1d")[1], "changed")
    (changed / "model.onnx").write_bytes((changed / "model.onnx").read_bytes() + b"\0")
    change_manifest(both.place(artefact("mlp")[1], "elsewhere"), backend="abacus")
    done = both.tune("--json")
    assert done.code == 0, done.err
    assert set(done.json["artefacts"]) == {ORT, OV}
    refused = done.json["refused"]
    assert set(refused) == {"artefacts/changed", "artefacts/elsewhere"}
    assert refused["artefacts/changed"] == "model.onnx is not the file that was judged; next: compile again"
    assert refused["artefacts/elsewhere"].startswith("there is no backend 'abacus'; next: ")
    assert "artefacts/changed is left out: model.onnx is not the file that was judged" in done.err


def test_golden_cases_are_replayed(device, artefact):
    folder = device.place(artefact("cnn1d")[1], "other-answers")
    with np.load(folder / "golden.npz") as golden:
        arrays = dict(golden)
    arrays["out.score"] = 1 - arrays["out.score"]
    np.savez(folder / "golden.npz", **arrays)
    change_manifest(
        folder,
        files={
            "model.onnx": digest_of_file(folder / "model.onnx"),
            "golden.npz": digest_of_file(folder / "golden.npz"),
        },
    )
    done = device.tune("--json")
    assert done.code == 5
    assert "golden cases differ" in done.json["error"]["problem"]
    assert done.json["exit_code"] == 5
    assert not (device.out / "tuned.json").exists()


def test_where_none_runs_for_several_reasons_a_tool_has_failed(device, artefact):
    change_manifest(device.place(artefact("cnn1d")[1], "elsewhere"), backend="abacus")
    (device.place(artefact("cnn1d")[1], "changed") / "more").write_text("more")
    done = device.tune()
    assert done.code == 4
    for word in ("no artefact runs here", "there is no backend 'abacus'", "more is not in the manifest"):
        assert word in done.err
    assert files(device.out).keys() & {"tuned.json"} == set()


@pytest.mark.slow
def test_limits_leave_the_choice_empty_and_are_written_down(both):
    done = both.tune("--json", "--memory-mib", "1", "--latency-ms", "0.001")
    assert done.code == 3, done.err
    assert done.json["best"] is None
    assert done.json["limits"] == {"latency_ms": 0.001, "memory_mib": 1.0}
    for each in done.json["artefacts"].values():
        assert [text.partition(":")[0] for text in each["missed"]] == ["latency", "memory"]
    assert Tuned.from_json((both.out / "tuned.json").read_text()).best is None
    shown = both.tune("--memory-mib", "1")
    assert shown.code == 3
    assert "best       none: no artefact keeps to the limits" in shown.out


def test_artefact_folders_can_be_given_themselves(both):
    done = both.run(
        "tune",
        f"out/{OV}",
        f"out/{ORT}",
        f"out/{OV}",
        "-o",
        "here.json",
        "--launches",
        "1",
        "--seconds",
        "0.05",
    )
    assert done.code == 0, done.err
    tuned = Tuned.from_json((both.out.parent / "here.json").read_text())
    assert list(tuned.artefacts) == [f"out/{OV}", f"out/{ORT}"]
    assert not (both.out / "tuned.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tune", "none"), ("no such folder", "where: none", "artefacts/ lies")),
        (("tune", "."), ("no artefact here", "where: .")),
        (("tune", f"out/{ORT}"), ("takes no other file", "--out tuned.json")),
        (("tune", f"out/{ORT}", f"out/{OV}"), ("error: several folders where:", "--out tuned.json")),
        (
            ("tune", f"out/{ORT}", "-o", f"out/{ORT}/tuned.json"),
            ("takes no other file", "another --out FILE"),
        ),
        (("tune", "out", "-o", "out"), ("no file can be written there",)),
        (("tune", "out", "-o", "none/tuned.json"), ("no file can be written there", "none/tuned.json")),
        (("tune", "out", "-o", "notes.json"), ("no tune of this edgemed wrote this file", "notes.json")),
        (("tune", "out", "--launches", "0"), ("--launches", "'0' is not from 1 to 99")),
        (("tune", "out", "--seconds", "nan"), ("--seconds", "'nan' is not from 0.05 to 3600")),
        (("tune", "out", "--threads", "2"), ("unrecognized arguments: --threads",)),
        (("tune", "out", "--latency-ms", "0"), ("--latency-ms", "0 ms is no possible limit")),
        (("tune", "out", "--memory-mib", "lots"), ("--memory-mib", "'lots' is no number")),
        ((), ("COMMAND",)),
    ],
)
def test_bad_input_is_refused_before_anything_is_measured(both, arguments, words):
    (both.out.parent / "notes.json").write_text("{}")
    done = both.run(*arguments)
    assert done.code == 2, done.err
    flat = " ".join(done.err.split())
    assert [word for word in words if word not in flat] == [], done.err
    assert "loading" not in done.err
    assert (both.out.parent / "notes.json").read_text() == "{}"


@pytest.mark.slow
def test_an_interrupt_leaves_what_was_there(both, start):
    assert both.tune().code == 0
    before = files(both.out)
    process = start(
        both.command("tune", "out", "--seconds", "30"),
        cwd=both.out.parent, env=both.env(), start_new_session=True,
    )  # fmt: skip
    lines = []
    while not lines or not lines[-1].startswith("timing"):
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.split("\n")[-2] == "interrupted"
    assert "Traceback" not in err
    assert files(both.out) == before
    assert left(process.pid) == []


def left(session: int) -> list[str]:
    """Processes of the session that still run 3 s later."""
    end = time.monotonic() + 3
    while True:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session and fields[0] != "Z":
                    found.append((process / "cmdline").read_text().replace("\0", " "))
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)


CRASHING = """
import os, signal
from edgemed.backends.onnxruntime import OnnxRuntime

class Crashing(OnnxRuntime):
    name = "crashing"

    def load(self, *arguments):
        return Dying(super().load(*arguments))

class Dying:
    left = 12

    def __init__(self, executor):
        self._executor, self.inputs, self.outputs = executor, executor.inputs, executor.outputs

    def run(self, inputs):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGSEGV)
        return self._executor.run(inputs)
"""


@pytest.mark.slow
def test_a_runtime_that_crashes_while_it_is_timed_costs_its_artefact(both, artefact):
    """It answers the golden cases and dies later; a backend of another package, found by its entry point."""
    site = both.out.parent / "site"
    (site / "crashing-1.0.dist-info").mkdir(parents=True)
    (site / "crashing.py").write_text(CRASHING)
    (site / "crashing-1.0.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n"
    )
    (site / "crashing-1.0.dist-info/entry_points.txt").write_text(
        f"[{ENTRY_POINT}]\ncrashing = crashing:Crashing\n"
    )
    change_manifest(both.place(artefact("cnn1d")[1], "crashing-fp32"), backend="crashing")
    done = both.tune("--json", env={"PYTHONPATH": str(site)})
    assert done.code == 0, done.err
    assert set(done.json["artefacts"]) == {ORT, OV}
    assert done.json["refused"] == {"artefacts/crashing-fp32": "timing: crashed (SIGSEGV)"}
    assert "timing artefacts/crashing-fp32 alone" in done.err


def measured(
    median_ms: dict[str, float], missed: tuple[str, ...] = (), rounds: int = 50
) -> dict[str, TunedArtefact]:
    """Latencies with a noise of 1 %; the first is the baseline."""
    rng = np.random.default_rng(0)
    times = {name: rng.normal(ms, ms / 100, (5, rounds)) / 1e3 for name, ms in median_ms.items()}
    base = next(iter(times.values()))
    return {
        name: TunedArtefact(
            "0" * 64, "onnxruntime", "fp32", percentiles(seconds), faster(base, seconds), 1.0, 1.0, (),
            ("slow",) if name in missed else (),
        )
        for name, seconds in times.items()
    }  # fmt: skip


@pytest.mark.parametrize(
    ("medians", "missed", "best"),
    [
        ({"fp32": 2.0, "int8": 1.0, "fp16": 1.5}, (), "int8"),
        ({"fp32": 2.0, "int8": 2.5}, (), "fp32"),
        ({"fp32": 2.0, "int8": 1.9999}, (), "fp32"),
        ({"fp32": 2.0, "int8": 1.0, "fp16": 1.5}, ("int8",), "fp16"),
        ({"fp32": 2.0, "int8": 3.0, "fp16": 2.5}, ("fp32",), "fp16"),
        ({"fp32": 2.0}, ("fp32",), None),
    ],
)
def test_faster_means_beyond_noise_and_within_the_limits(medians, missed, best):
    artefacts = measured(medians, missed)
    assert artefacts["fp32"].ratio.ratio == 1.0
    assert fastest(artefacts, "fp32") == best


@pytest.mark.parametrize(
    ("rounds", "field"), [(200, "p99_ms"), (50, "p95_ms"), (15, "p90_ms"), (4, "p50_ms")]
)
def test_the_table_shows_the_percentile_that_is_held_to_the_limit(rounds, field):
    artefacts = measured({"fp32": 2.0, "int8": 1.0}, rounds=rounds)
    latency = artefacts["int8"].latency
    told = in_words(Tuned("int8", "fp32", artefacts, {}, Limits(latency_ms=0.5), 5, 0.5, {}, {}))
    head, _, row = told.splitlines()[:3]
    times = list(dict.fromkeys(("p50_ms", field)))
    assert head.split("  ratio")[0].split("artefact")[1].split() == " ".join(times).replace("_", " ").split()
    assert row.split()[1 : 1 + len(times)] == [f"{getattr(latency, name):.3g}" for name in times]
    (missed,) = missed_limits(Limits(latency_ms=0.5), latency, 1.0)
    held = field.removesuffix("_ms").replace("p50", "median")
    assert missed == f"latency: {held} {getattr(latency, field):.4g} ms, at most 0.5"


@pytest.mark.slow
def test_a_tuned_file_that_contradicts_itself_is_refused(both):
    from edgemed.errors import BadInput

    done = both.tune("--json")
    tuned = Tuned.from_json(done.out)
    for broken in (
        {"best": "artefacts/none"},
        {"baseline": "artefacts/none"},
        {"format_version": 2},
        {"colour": 1},
    ):
        with pytest.raises(BadInput):
            Tuned.from_dict({**done.json, **broken})
    limited = {name: replace(each, missed=("slow",)) for name, each in tuned.artefacts.items()}
    with pytest.raises(BadInput, match="misses a limit"):
        replace(tuned, artefacts=limited)
