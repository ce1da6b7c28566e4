"""Raw samples: predictions in batches, paired latencies, the cost of loading."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from artefacts import make_artefact, sign, write_golden
from graphs import Net, Writer

from edgemed.child import run_in_child
from edgemed.errors import BadInput, ChildCrashed, Untrusted
from edgemed.measure import (
    LOAD_TIMEOUT_S,
    Predictions,
    contest,
    interleaved_latencies_s,
    launch_timeout_s,
    load_cost,
    predict,
    session_call,
    stacked,
)
from edgemed.runtime import Session
from edgemed.types import InputSpec, OutputSpec, Sample


def _samples(net, count: int, targets) -> list[Sample]:
    batch = net.batch(count, seed=5)
    return [
        Sample(f"case-{i}", {name: array[i] for name, array in batch.items()}, targets(i))
        for i in range(count)
    ]


def _wide_net(folder: Path) -> Net:
    """The mean of 2 ** 18 float32 values, as a score."""
    writer = Writer(0)
    writer.sigmoid(writer.add("ReduceMean", "wide", writer.constant(np.array([1]))), "score")
    output = OutputSpec("score", "binary", 1)
    return writer.write(folder, "wide", (InputSpec("wide", "float32", (1 << 18,)),), (output,))


@pytest.fixture
def heads(artefact):
    net, folder = artefact("heads")
    return net, Session.load(folder)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 128, 130])
def test_predictions_do_not_depend_on_batches(heads, count: int):
    net, session = heads
    seen: list[int] = []
    found = predict(session, iter(_samples(net, count, lambda i: {})), seen.append)
    whole = session.run(net.batch(count, seed=5))
    assert found.names == tuple(f"case-{i}" for i in range(count))
    assert found.targets == {}
    for name, array in whole.items():
        assert found.outputs[name].shape == array.shape
        assert np.allclose(found.outputs[name], array, atol=1e-6)
    assert seen == [*range(64, count, 64), count]


def test_batches_of_large_samples_are_small(artefact, monkeypatch: pytest.MonkeyPatch):
    net, folder = artefact("cnn1d")
    monkeypatch.setattr("edgemed.measure.predictions._BATCH_ELEMENTS", 3 * 2 * 64 + 1)
    seen: list[int] = []
    predict(Session.load(folder), _samples(net, 8, lambda i: {}), seen.append)
    assert seen == [3, 6, 8]


def test_samples_are_read_as_they_are_needed(heads):
    net, session = heads
    taken = []

    def stream():
        for sample in _samples(net, 130, lambda i: {}):
            taken.append(sample.name)
            yield sample

    ahead = []
    predict(session, stream(), lambda done: ahead.append(len(taken) - done))
    assert max(ahead) <= 1


def test_targets_are_stacked_by_output(heads):
    net, session = heads

    def targets(i: int) -> dict[str, np.ndarray]:
        return {"classes": np.array(i % 3), "volume": np.array([i / 2], np.float32)}

    found = predict(session, _samples(net, 70, targets))
    assert np.array_equal(found.targets["classes"], np.arange(70) % 3)
    assert found.targets["classes"].shape == (70,)
    assert found.targets["volume"].shape == (70, 1)
    assert found.targets["volume"][69, 0] == 34.5


def test_an_empty_set_is_bad_input(heads):
    with pytest.raises(BadInput, match="no samples"):
        predict(heads[1], [])


def test_predictions_come_back_from_disk(heads, tmp_path: Path):
    net, session = heads
    found = predict(session, _samples(net, 5, lambda i: {"classes": np.array(i)}))
    found.save(tmp_path / "predictions.npz")
    again = Predictions.load(tmp_path / "predictions.npz")
    assert again.names == found.names
    assert list(again.outputs) == list(found.outputs)
    assert all(np.array_equal(again.outputs[name], array) for name, array in found.outputs.items())
    assert np.array_equal(again.targets["classes"], np.arange(5))
    assert (again.groups, again.strata) == ((), {})


def test_groups_and_strata_of_cases_come_along_and_back_from_disk(heads, tmp_path: Path):
    net, session = heads
    sites = ("Oslo", "", "Rom\N{LATIN SMALL LETTER E WITH ACUTE}")
    belonging = zip(_samples(net, 3, lambda i: {}), ("p1", None, "p1"), sites, strict=True)
    samples = [replace(each, group=group, strata={"a site/unit": site}) for each, group, site in belonging]
    predict(session, samples).save(tmp_path / "predictions.npz")
    again = Predictions.load(tmp_path / "predictions.npz")
    assert again.groups == ("p1", "", "p1")
    assert again.strata == {"a site/unit": sites}


@pytest.mark.parametrize(
    ("own", "groups"),
    [
        ((None, None, None, None), ("same as case-0", "", "same as case-0", "")),
        ((None, "p1", "p2", "p1"), ("p2", "p1", "p2", "p1")),
        (("p2", None, "p3", None), ("p2", "", "p3", "")),
    ],
    ids=["without groups", "one has a group", "each has its own"],
)
def test_cases_of_the_same_content_are_one_group(heads, own, groups):
    net, session = heads
    samples = _samples(net, 4, lambda i: {})
    samples[2] = replace(samples[2], inputs=samples[0].inputs)
    assert (
        predict(session, [replace(each, group=of) for each, of in zip(samples, own, strict=True)]).groups
        == groups
    )


def test_latencies_are_paired_in_a_random_order():
    order: list[str] = []
    calls = {name: (lambda name=name: order.append(name)) for name in "abc"}
    found = interleaved_latencies_s(calls, seconds=0, fewest_rounds=30, seed=1)
    assert list(found) == ["a", "b", "c"]
    assert {array.shape for array in found.values()} == {(30,)}
    assert all((array >= 0).all() and array.dtype == np.float64 for array in found.values())
    rounds = [tuple(order[-90:][i : i + 3]) for i in range(0, 90, 3)]
    assert all(set(each) == set("abc") for each in rounds)
    assert len(set(rounds)) == 6
    assert len(order) > 90, "each is called before it is timed"


def test_element_i_of_every_array_is_of_round_i():
    """Every second call takes long; the count of calls at the end tells in which rounds these were."""
    turn = {"a": 0, "b": 0}

    def call(name: str) -> None:
        turn[name] += 1
        if turn[name] % 2:
            time.sleep(0.01)

    calls = {name: (lambda name=name: call(name)) for name in turn}
    found = interleaved_latencies_s(calls, seconds=0, fewest_rounds=10)
    for name, array in found.items():
        first = turn[name] - 10 + 1
        assert (array[(first + 1) % 2 :: 2] >= 0.01).all()


def test_rounds_end_at_the_most():
    found = interleaved_latencies_s({"a": int}, seconds=30, most_rounds=20)
    assert found["a"].shape == (20,)


def test_a_session_is_timed_on_a_fixed_batch(artefact):
    net, folder = artefact("cnn1d")
    call = session_call(Session.load(folder), net.batch(1))
    assert np.array_equal(call()["score"], call()["score"])


@pytest.mark.slow
def test_the_cost_of_loading_is_of_a_fresh_process(artefact):
    _, folder = artefact("cnn1d")
    held = np.ones(300 << 17)  # 300 MiB that are not the artefact's
    cost = run_in_child(load_cost, folder, what="loading").value
    assert held.any()
    assert 1 < cost.load_ms < 60_000
    assert 5 < cost.memory_mib < 250


@pytest.mark.slow
def test_an_earlier_peak_is_not_the_artefacts(artefact):
    code = (
        "import numpy as np, sys\nfrom pathlib import Path\nfrom edgemed.measure import load_cost\n"
        "np.ones(300 << 17).sum()\nprint(load_cost(Path(sys.argv[1])).memory_mib)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(artefact("cnn1d")[1])], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 250


def test_the_cost_of_loading_is_that_of_a_checked_session(artefact, tmp_path: Path):
    """A device reads every file and replays the golden cases before it answers."""
    folder = shutil.copytree(artefact("cnn1d")[1], tmp_path / "changed")
    (folder / "more").write_text("more")
    with pytest.raises(Untrusted):
        load_cost(folder)


@pytest.mark.slow
def test_all_golden_cases_at_once_are_not_in_the_cost(tmp_path: Path):
    """200 MiB of golden cases, 1 MiB each: none is held beside another."""
    net = _wide_net(tmp_path)
    folder = make_artefact(net, "onnxruntime", "fp32", net.path, tmp_path / "artefact")
    rows = net.batch(1)["wide"].repeat(200, axis=0)
    answer = Session.load(folder).run(net.batch(1))["score"]
    write_golden(folder, {"wide": rows}, {"score": answer.repeat(200, axis=0)})
    sign(folder)
    assert run_in_child(load_cost, folder, what="loading").value.memory_mib < 150


@pytest.mark.slow
def test_a_contest_has_the_rounds_of_each_launch(artefact):
    folders = {"one": artefact("cnn1d")[1], "other": artefact("mlp")[1]}
    seen: list[int] = []
    found = contest(folders, launches=2, seconds=0.05, threads=1, on_launch=seen.append)
    assert list(found) == ["one", "other"]
    assert seen == [1, 2]
    assert found["one"].shape == found["other"].shape
    assert len(found["one"]) == 2
    assert (found["one"] > 0).all()


def test_a_launch_that_takes_longer_than_its_artefacts_may_is_ended(
    artefact, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(import_module("edgemed.measure.contest"), "LOAD_TIMEOUT_S", 0.001)
    with pytest.raises(ChildCrashed, match="timing: no sign of life"):
        contest({"one": artefact("cnn1d")[1]}, launches=1, seconds=0.0)
    monkeypatch.undo()
    assert launch_timeout_s(3, 5000.0) == 3 * (LOAD_TIMEOUT_S + 5000.0)


def test_launches_are_stacked_as_far_as_the_shortest_goes():
    long, short = np.arange(5.0), np.arange(3.0)
    found = stacked([{"one": long, "other": long + 10}, {"one": short + 20, "other": short + 30}])
    assert found["one"].tolist() == [[0, 1, 2], [20, 21, 22]]
    assert found["other"].tolist() == [[10, 11, 12], [30, 31, 32]]


def test_a_contest_of_a_changed_artefact_is_refused(artefact, tmp_path: Path):
    folder = shutil.copytree(artefact("cnn1d")[1], tmp_path / "changed")
    (folder / "more").write_text("more")
    with pytest.raises(Untrusted):
        contest({"one": folder}, launches=1, seconds=0.05)
