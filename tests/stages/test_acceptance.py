"""The acceptance set can only veto: what fails or disagrees there gives way to an fp32 that agreed before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import artefacts
import graphs
import numpy as np
import pytest

from edgemed.errors import Untrusted
from edgemed.judge.tango import fewest_cases
from edgemed.runtime import Session, read_manifest
from edgemed.stages.acceptance import Acceptance, accept
from edgemed.stages.artefacts import ORIGINAL, Built, Candidate
from edgemed.stages.choose import Choice
from edgemed.stages.job import Job, SetSource
from edgemed.stages.ledger import read_ledger
from edgemed.stages.selection import selection_predictions
from edgemed.stages.trials import latencies_s, load_costs
from edgemed.types import Agreement, InputSpec, JudgeSpec, ModelSpec, OutputSpec, Recipe
from edgemed.types.recipe import TrialsSpec

FP16 = Candidate("onnxruntime", "fp16")
OVERFLOWS = 1e6


def _write_net(folder: Path, name: str, scale: float) -> graphs.Net:
    """A linear score of a signal that is multiplied and divided by `scale` first."""
    writer = graphs.Writer(1)
    signal = writer.add("Mul", "signal", writer.constant(np.float32(scale)))
    signal = writer.add("Mul", signal, writer.constant(np.float32(1 / scale)))
    writer.sigmoid(writer.gemm(signal, 64, 1), "score")
    signals, scores = InputSpec("signal", "float32", (64,)), OutputSpec("score", "binary", 1)
    return writer.write(folder, name, (signals,), (scores,))


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> graphs.Net:
    return _write_net(tmp_path_factory.mktemp("net"), "net", 1.0)


@pytest.fixture
def built(net: graphs.Net, tmp_path: Path) -> dict[str, Built]:
    """The original, and in the place of its fp16 a net that overflows as that does, on any CPU."""
    overflowing = _write_net(tmp_path, "overflowing", 1e35)
    found = {}
    for candidate, source in ((ORIGINAL, net.path), (FP16, overflowing.path)):
        folder = tmp_path / candidate.id
        artefacts.make_artefact(net, candidate.backend, candidate.precision, source, folder)
        found[candidate.id] = Built(candidate, folder, read_manifest(folder), candidate.id, 1, ())
    return found


@pytest.fixture
def source(net: graphs.Net, tmp_path: Path) -> Callable[..., SetSource]:
    def write(largest: float = 1.0) -> SetSource:
        signals = net.batch(20)["signal"]
        signals[7] *= largest
        np.savez(tmp_path / "set.npz", signal=signals)
        return SetSource("set.npz", str(tmp_path), net.inputs, net.outputs, skip_bad=False, sha256="0")

    return write


@pytest.fixture
def accepted(net: graphs.Net, built: dict[str, Built], tmp_path: Path) -> Callable[..., Acceptance]:
    """What `accept` says of a choice of fp16 (of fp32 where that is all there is)."""

    def run(source: SetSource, agreeing: set[str], snr_db: float = 20.0) -> Acceptance:
        recipe = Recipe(ModelSpec("model.onnx"), agreement=Agreement(snr_db=snr_db))
        choice = Choice({"onnxruntime": (FP16.id,)}, {}, frozenset(agreeing))
        job = Job(recipe, tmp_path, tmp_path / "out")
        return accept(job, net.outputs, built, choice, source, "edgemed compile", labelled=False)

    return run


def _spoil_golden_answers(net: graphs.Net, built: Built) -> None:
    """An artefact whose digests are right and whose golden cases answer otherwise."""
    inputs = net.batch(3)
    artefacts.write_golden(built.folder, inputs, {"score": np.full((3, 1), 7.0, np.float32)})
    artefacts.sign(built.folder)


@pytest.mark.slow
def test_a_choice_that_agrees_is_kept(accepted, source):
    found = accepted(source(), {ORIGINAL.id, FP16.id})
    assert found.kept == {"onnxruntime": (FP16.id,)}
    assert not found.refused


@pytest.mark.slow
def test_a_choice_that_overflows_gives_way_to_fp32(accepted, source):
    found = accepted(source(OVERFLOWS), {ORIGINAL.id, FP16.id})
    assert found.kept == {"onnxruntime": (ORIGINAL.id,)}
    assert found.refused == {FP16.id: "failed on the acceptance set: output 'score' is not finite"}
    assert list(found.agreement) == [ORIGINAL.id]


@pytest.mark.slow
def test_a_choice_that_answers_its_golden_cases_differently_gives_way(net, built, accepted, source):
    _spoil_golden_answers(net, built[FP16.id])
    found = accepted(source(), {ORIGINAL.id, FP16.id})
    assert found.kept == {"onnxruntime": (ORIGINAL.id,)}
    assert found.refused[FP16.id].startswith("failed on the acceptance set: golden cases differ by")


@pytest.mark.slow
def test_a_choice_that_does_not_agree_gives_way_to_an_fp32_that_did_before(accepted, source):
    found = accepted(source(), {ORIGINAL.id, FP16.id}, snr_db=190.0)
    assert found.kept == {"onnxruntime": (ORIGINAL.id,)}
    assert found.refused[FP16.id].startswith("refused on the acceptance set: logit SNR")


@pytest.mark.slow
def test_an_fp32_that_did_not_agree_before_is_no_way_out(accepted, source):
    found = accepted(source(OVERFLOWS), {FP16.id})
    assert found.kept == {}
    assert list(found.refused) == [FP16.id]


def test_an_original_that_fails_ends_the_compile(net, built, accepted, source):
    _spoil_golden_answers(net, built[ORIGINAL.id])
    with pytest.raises(Untrusted, match="golden cases differ"):
        accepted(source(), {ORIGINAL.id, FP16.id})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (lambda job, built, source: selection_predictions(job, built, "select", source), "on the select set"),
        (lambda job, built, source: load_costs(job, built.values()), "when it was loaded afresh"),
        (lambda job, built, source: latencies_s(job, list(built.values())), "when it was timed"),
    ],
    ids=["select", "load", "latency"],
)
def test_before_the_choice_too_wrong_golden_answers_drop_a_candidate(
    net, built, source, tmp_path, measure, told
):
    _spoil_golden_answers(net, built[FP16.id])
    recipe = Recipe(ModelSpec("model.onnx"), trials=TrialsSpec(launches=1, seconds=0.05))
    job = Job(recipe, tmp_path, tmp_path / "out")
    found, failures = measure(job, built, source())
    assert list(found) == [ORIGINAL.id]
    assert failures[FP16.id].startswith(f"failed {told}: golden cases differ by")
    _spoil_golden_answers(net, built[ORIGINAL.id])
    again = {ORIGINAL.id: replace(built[ORIGINAL.id], digest="spoilt")}
    with pytest.raises(Untrusted):
        measure(job, again, source())


CASES = 800


@pytest.fixture
def judged(net: graphs.Net, built: dict[str, Built], tmp_path: Path) -> Callable[..., Acceptance]:
    """`accept` on 800 labelled signals, half of them positive, which the original mostly gets right."""
    original = Session.load(built[ORIGINAL.id].folder)
    signals = net.batch(4 * CASES)["signal"]
    scores = original.run({"signal": signals})["score"][:, 0]
    noise = np.random.default_rng(0).normal(0, 0.1, len(scores))
    ill = scores + noise > 0.5
    rows = np.concatenate([np.flatnonzero(each)[: CASES // 2] for each in (ill, ~ill)])
    np.savez(tmp_path / "set.npz", signal=signals[rows], y=ill[rows].astype(np.int64))
    source = SetSource("set.npz", str(tmp_path), net.inputs, net.outputs, skip_bad=False, sha256="0")
    job = Job(Recipe(ModelSpec("model.onnx")), tmp_path, tmp_path / "out")

    def run(**judge: object) -> Acceptance:
        asked = replace(job, recipe=replace(job.recipe, judge=JudgeSpec(**judge)))
        choice = Choice({"onnxruntime": (FP16.id,)}, {}, frozenset({ORIGINAL.id, FP16.id}))
        return accept(asked, net.outputs, built, choice, source, "edgemed compile", labelled=True)

    return run


@pytest.fixture
def worse(net: graphs.Net, built: dict[str, Built], tmp_path: Path) -> None:
    """In the place of fp16 a net that calls a fifth of the ill well: its bias is lower."""
    writer = graphs.Writer(1)
    score = writer.gemm("signal", 64, 1)
    writer.sigmoid(writer.add("Sub", score, writer.constant(np.float32(1.0))), "score")
    signals, scores = InputSpec("signal", "float32", (64,)), OutputSpec("score", "binary", 1)
    lower = writer.write(tmp_path, "lower", (signals,), (scores,))
    folder = tmp_path / "lower-artefact"
    artefacts.make_artefact(lower, "onnxruntime", "fp16", lower.path, folder)
    built[FP16.id] = Built(FP16, folder, read_manifest(folder), "lower", 1, ())


@pytest.mark.slow
def test_what_is_refuted_gives_way_to_an_fp32_that_is_proven(judged, built, worse, tmp_path):
    found = judged()
    assert found.kept == {"onnxruntime": (ORIGINAL.id,)}
    assert found.refused[FP16.id].startswith("refused on the acceptance set: refuted on 800 acceptance cases")
    assert "sensitivity" in found.refused[FP16.id]
    assert {name: verdict.outcome for name, verdict in found.verdicts.items()} == {
        FP16.id: "refuted",
        ORIGINAL.id: "proven",
    }
    verdict = found.verdicts[FP16.id]
    assert verdict.artefact == built[FP16.id].manifest.judged != verdict.original
    assert (verdict.executed_by, verdict.cases, verdict.data) == ("onnxruntime", CASES, "0")
    assert read_ledger(tmp_path / "out").openings == found.openings
    assert found.openings[0].outcomes == {FP16.id: "refuted", ORIGINAL.id: "proven"}


@pytest.mark.slow
def test_without_the_gate_the_verdict_is_told_and_decides_nothing(judged, worse):
    found = judged(gate=False)
    assert found.verdicts[FP16.id].outcome == "refuted"
    assert found.refused[FP16.id].startswith("refused on the acceptance set: 0.")
    assert "of decisions agree" in found.refused[FP16.id]


@pytest.mark.slow
def test_margins_that_cannot_be_proven_at_this_n_are_no_pass(judged):
    found = judged(outputs={"score": {"sensitivity": 0.005}})
    assert found.kept == {}
    assert found.verdicts[ORIGINAL.id].outcome == "not provable"
    (stopping,) = [each for each in found.verdicts[ORIGINAL.id].deciding if each.outcome == "not provable"]
    assert (stopping.metric, stopping.n) == ("sensitivity", CASES // 2)
    assert stopping.cases_needed is not None
    assert stopping.cases_needed >= fewest_cases(0.005, 0.025) > CASES // 2


@pytest.mark.slow
def test_a_second_look_is_counted_and_a_repeated_one_is_not(judged):
    assert {verdict.opening for verdict in judged().verdicts.values()} == {1}
    assert [each.number for each in judged().openings] == [1]
    again = judged(outputs={"score": {"sensitivity": 0.2}})
    assert {verdict.opening for verdict in again.verdicts.values()} == {2}
    assert [each.number for each in again.openings] == [1, 2]
