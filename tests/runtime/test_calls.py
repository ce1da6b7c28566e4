"""Answers that are awaited, or needed by a deadline; and files as inputs."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from edgemed.errors import BadInput, DeadlineMissed
from edgemed.runtime import Session
from edgemed.types import ValueRange


class Held:
    """A real executor that begins once it is let."""

    def __init__(self, executor):
        self.inputs, self.outputs, self._executor = executor.inputs, executor.outputs, executor
        self.let = threading.Event()

    def run(self, inputs):
        assert self.let.wait(60)
        return self._executor.run(inputs)


@pytest.fixture
def loaded(artefact):
    net, folder = artefact("fusion", "onnxruntime")
    return net, Session.load(folder)


@pytest.fixture
def held(loaded):
    net, session = loaded
    held = session._executor = Held(session._executor)
    yield net, session, held
    held.let.set()


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_call_in_time_answers_as_one_without_a_deadline(loaded):
    net, session = loaded
    batch = net.batch(2)
    assert_same(session.run(batch, deadline_s=60.0), session.run(batch))
    one = {name: array[0] for name, array in batch.items()}
    assert_same(session.predict(one, deadline_s=60.0), session.predict(one))


def test_a_caller_is_let_go_at_its_deadline_and_the_session_goes_on(held):
    net, session, executor = held
    batch = net.batch(1)
    for _ in range(2):  # the second still waits for the first
        with pytest.raises(DeadlineMissed, match=r"no answer after 0\.05 s"):
            session.run(batch, deadline_s=0.05)
    executor.let.set()
    assert_same(session.run(batch, deadline_s=60.0), session.run(batch))


def test_answers_are_awaited_while_the_loop_goes_on(held):
    net, session, executor = held
    batch = net.batch(1)

    async def both():
        waiting = asyncio.ensure_future(session.run_async(batch))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        executor.let.set()
        one = {name: array[0] for name, array in batch.items()}
        return await waiting, await session.predict_async(one, deadline_s=60.0)

    answer, one = asyncio.run(both())
    assert_same(answer, session.run(batch))
    assert_same(one, {name: array[0] for name, array in answer.items()})


def test_an_awaited_answer_has_a_deadline_too(held):
    net, session, _ = held
    with pytest.raises(DeadlineMissed):
        asyncio.run(session.run_async(net.batch(1), deadline_s=0.05))


def test_an_answer_that_comes_late_is_none(loaded):
    """Whether it was there when the caller woke is chance."""
    net, session = loaded
    batch = net.batch(1)
    for _ in range(50):
        with pytest.raises(DeadlineMissed):
            session.run(batch, deadline_s=1e-9)
        with pytest.raises(DeadlineMissed):
            asyncio.run(session.run_async(batch, deadline_s=1e-9))


@pytest.mark.parametrize("deadline_s", [0, -1.0, float("nan"), float("inf"), 1e12, "1"])
def test_what_is_no_time_is_refused(loaded, deadline_s):
    net, session = loaded
    with pytest.raises(BadInput, match="no length of time"):
        session.run(net.batch(1), deadline_s=deadline_s)
    with pytest.raises(BadInput, match="no length of time"):
        asyncio.run(session.run_async(net.batch(1), deadline_s=deadline_s))


def test_a_broken_contract_is_told_through_the_thread(loaded):
    _, session = loaded
    with pytest.raises(BadInput, match="inputs are none"):
        session.run({}, deadline_s=60.0)


def test_threads_share_a_session(loaded):
    net, session = loaded
    batches = [net.batch(1, seed) for seed in range(8)]
    expected = [session.run(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(session.run, batches * 20))
    for answer, alone in zip(found, expected * 20, strict=True):
        assert_same(answer, alone)


def test_a_file_is_one_sample(loaded, tmp_path):
    net, session = loaded
    one = {name: array[0] for name, array in net.batch(1).items()}
    np.savez(tmp_path / "case.npz", **one)
    assert_same(session.predict(tmp_path / "case.npz"), session.predict(one))
    assert_same(session.predict(str(tmp_path / "case.npz"), deadline_s=60.0), session.predict(one))
    with pytest.raises(BadInput, match="no such file"):
        session.predict(tmp_path / "none.npz")


@pytest.fixture
def bounded(artefact):
    """A session with ranges: of the picture one, of the table one for each column."""
    net, folder = artefact("fusion", "onnxruntime")
    session = Session.load(folder)
    values = {}
    for spec in session.manifest.inputs:
        columns = spec.shape[0] if len(spec.shape) == 1 else 1
        values[spec.name] = ValueRange((-5.0,) * columns, (5.0,) * columns)
    return net, Session(replace(session.manifest, values=values), session._executor, folder)


def test_a_sample_without_contrast_is_refused(artefact):
    net, folder = artefact("fusion", "onnxruntime")
    session = Session.load(folder)
    image, table = sorted(session.manifest.inputs, key=lambda spec: -len(spec.shape))
    values = {image.name: ValueRange((-9.0,), (9.0,), span=0.5)}
    session = Session(replace(session.manifest, values=values), session._executor, folder)
    batch = net.batch(2)
    session.run(batch)
    flat = {**batch, image.name: batch[image.name].copy()}
    flat[image.name][1] = 3.0
    with pytest.raises(BadInput, match=r"differ by 0 at most, at least 0\.5 is expected") as refused:
        session.run(flat)
    assert refused.value.where == f"input {image.name}, case 1 of the batch"
    with pytest.raises(BadInput, match="there is no picture or signal in it"):
        session.predict({image.name: flat[image.name][1], table.name: flat[table.name][1]})
    session.execute(flat)


def test_values_beyond_what_the_artefact_was_made_for_are_refused(bounded):
    net, session = bounded
    batch = {name: np.clip(array, -5, 5) for name, array in net.batch(2).items()}
    session.run(batch)
    for spec in session.manifest.inputs:
        for value in (5.5, -5.5, 1e4):
            wrong = {name: array.copy() for name, array in batch.items()}
            wrong[spec.name].reshape(2, -1)[1, -1] = value
            with pytest.raises(BadInput, match=r"made for -5 to 5") as refused:
                session.run(wrong)
            column = f", column {spec.shape[0] - 1}" if len(spec.shape) == 1 else ""
            assert refused.value.where == f"input {spec.name}{column}"
            session.execute(wrong)  # golden cases are as they were judged
