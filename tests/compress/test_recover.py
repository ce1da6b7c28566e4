"""A recovery brings a pruned net nearer to the original, and is the same whatever interrupts it."""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # noqa: TID253
from prunable_nets import made
from torch import Tensor, nn  # noqa: TID253

from edgemed.compress.distillation import Head
from edgemed.compress.history import History
from edgemed.compress.prune import prune
from edgemed.compress.recover import recover
from edgemed.compress.sample_order import Batch, SampleOrder
from edgemed.errors import DiskFull, ToolFailure
from edgemed.types import PruneSpec, Recovery

pytestmark = pytest.mark.usefixtures("one_thread")

SPEC = PruneSpec(ratio=0.5, epochs=6, batch=16, learning_rate=3e-3, budget_min=10.0)
LOGIT = Head("output", "binary", "logits")


class Net(nn.Module):
    """`x` (N, 2, 32) to a logit, through BatchNorm and dropout."""

    def __init__(self, outputs: int = 1, ending: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(2, 16, 5, padding=2),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Conv1d(16, 32, 5, padding=2),
            nn.BatchNorm1d(32),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(32, outputs))
        self.ending = ending

    def forward(self, x: Tensor) -> Tensor:
        return self.ending(self.head(self.body(x).mean(2)))


@dataclass
class Case:
    """A net with BatchNorm statistics of its own, the pruned one, and samples."""

    teacher: nn.Module
    student: nn.Module
    history: History
    samples: Tensor
    targets: dict[str, Tensor] = field(default_factory=dict)
    heads: tuple[Head, ...] = (LOGIT,)

    def batches(self, groups: list[list[int]]) -> Iterator[Batch]:
        for group in groups:
            yield Batch(
                {"x": self.samples[group]}, {name: value[group] for name, value in self.targets.items()}
            )

    def run(
        self, path: Path, spec: PruneSpec = SPEC, begun: list[int] | None = None, **options: Any
    ) -> tuple[Recovery, dict[str, Tensor]]:
        """`begun` is given the epochs whose samples were asked for."""
        student, order = copy.deepcopy(self.student), SampleOrder(len(self.samples), spec.batch, 0)

        def training(epoch: int) -> Iterator[Batch]:
            if begun is not None:
                begun.append(epoch)
            return self.batches(order.training(epoch))

        told = recover(
            student,
            self.teacher,
            self.history,
            self.heads,
            training,
            lambda: self.batches(order.watching()),
            spec,
            **{"seed": 0, "checkpoint": path / "state.safetensors", **options},
        )
        assert not student.training
        return told, student.state_dict()


def make_case(net: nn.Module | None = None, samples: int = 97, **options: Any) -> Case:
    torch.manual_seed(0)
    teacher = net or Net()
    x = torch.randn(samples, 2, 32) * torch.rand(samples, 2, 1) * 2 + torch.randn(samples, 2, 1)
    with torch.no_grad():
        for _ in range(20):
            teacher.train()(x)
    teacher.eval()
    student = copy.deepcopy(teacher)
    _, history = prune(student, {"x": x[:4]}, SPEC)
    return Case(teacher, student, history, x, **options)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case()


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


class Interrupted(Exception):
    """Stands for a power cut."""


def interrupt(run: Callable[[], object], steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut `run` off behind some step."""
    left = count(steps, -1)

    def stop(done: int, total: int) -> None:
        if next(left) == 0:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr("edgemed.compress.recover.report_progress", stop)
        with pytest.raises(Interrupted):
            run()


def test_it_brings_the_answers_nearer(case: Case, tmp_path: Path) -> None:
    told, weights = case.run(tmp_path)
    assert told.loss_best < 0.5 * min(told.loss_pruned, told.loss_batch_norm)
    assert told.loss_best == told.losses[told.best_epoch - 1] == min(told.losses)
    assert (len(told.losses), told.epochs_planned, told.stopped, told.notes) == (6, 6, "epochs", ())
    assert (told.samples, told.held_out, told.labelled, told.failure) == (88, 9, False, "")
    student = copy.deepcopy(case.student)
    student.load_state_dict(weights)
    with torch.no_grad():
        before, after = (
            (net(x=case.samples) - case.teacher(x=case.samples)).square().mean()
            for net in (case.student, student)
        )
    assert after < 0.5 * before


def test_two_runs_give_the_same_weights(case: Case, tmp_path: Path) -> None:
    (one, first), (other, second) = case.run(tmp_path / "a"), case.run(tmp_path / "b")
    assert_same(first, second)
    assert replace(one, minutes=0.0) == replace(other, minutes=0.0)


def test_another_seed_gives_others(case: Case, tmp_path: Path) -> None:
    first, second = (case.run(tmp_path / str(seed), seed=seed)[1] for seed in (0, 1))
    assert not torch.equal(first["body.0.weight"], second["body.0.weight"])


@pytest.mark.parametrize("steps", [1, 9, 20])
@pytest.mark.parametrize("save_s", [0.0, 30.0])
def test_an_interrupted_run_taken_up_gives_the_same_weights(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, save_s: float
) -> None:
    """Saved at every step, or at the ends of epochs only; cut off behind some step."""
    monkeypatch.setattr("edgemed.compress.recover._SAVE_S", save_s)
    whole, expected = case.run(tmp_path / "whole")
    interrupt(lambda: case.run(tmp_path / "cut"), steps, monkeypatch)
    told, found = case.run(tmp_path / "cut")
    assert_same(expected, found)
    assert replace(told, minutes=0.0) == replace(whole, minutes=0.0)
    assert not list((tmp_path / "cut").glob(".*"))


def test_a_finished_run_is_not_run_again(case: Case, tmp_path: Path) -> None:
    first, weights = case.run(tmp_path)
    again, same = case.run(tmp_path, begun=(begun := []))
    assert_same(weights, same)
    assert again.losses == first.losses
    assert set(begun) == {0}


@pytest.mark.parametrize("damage", ["cut", "text", "other", "empty"])
def test_a_broken_checkpoint_is_told_and_ignored(case: Case, tmp_path: Path, damage: str) -> None:
    _, expected = case.run(tmp_path)
    path = tmp_path / "state.safetensors"
    if damage == "other":
        case.run(tmp_path / "other", seed=5)
        path.write_bytes((tmp_path / "other" / "state.safetensors").read_bytes())
    else:
        path.write_bytes({"cut": path.read_bytes()[:-100], "text": b"not tensors", "empty": b""}[damage])
    told, found = case.run(tmp_path)
    assert len(told.notes) == 1
    assert "the recovery begins anew" in told.notes[0]
    assert_same(expected, found)


def test_the_budget_plans_the_epochs_and_the_rate_falls_to_their_end(case: Case, tmp_path: Path) -> None:
    ticks = count()
    spec = replace(SPEC, epochs=200, budget_min=1.0)
    told, _ = case.run(tmp_path / "planned", spec, clock=lambda: 0.4 * next(ticks))
    assert (told.stopped, told.notes) == ("budget", ())
    assert 2 < told.epochs_planned == len(told.losses) < 20
    assert told.minutes <= 1.0
    longer, _ = case.run(tmp_path / "longer", replace(spec, epochs=20, budget_min=10.0))
    assert told.losses[-1] < longer.losses[len(told.losses) - 1]


def test_an_epoch_that_the_budget_cuts_is_judged(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    monkeypatch.setattr("edgemed.compress.recover.report_progress", lambda done, total: steps.append(done))
    told, _ = case.run(tmp_path, clock=lambda: 0.0 if len(steps) < 27 else 601.0)
    assert len(steps) == 28, "27 steps, and the end"
    assert (told.stopped, told.best_epoch) == ("budget", len(told.losses) + 1)
    assert told.loss_best < min(told.losses)


@pytest.mark.parametrize("cut", [2, 27, None])
def test_the_course_of_an_earlier_recovery_gives_its_weights_whatever_the_clock(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int | None
) -> None:
    """Cut by the budget in an early or a later epoch, or planned with fewer than were asked for."""
    spec, steps, ticks = replace(SPEC, epochs=200), [], count()
    monkeypatch.setattr("edgemed.compress.recover.report_progress", lambda done, total: steps.append(done))
    first, expected = case.run(
        tmp_path / "first", spec,
        clock=lambda: 4.0 * next(ticks) if cut is None else 0.0 if len(steps) < cut else 601.0,
    )  # fmt: skip
    assert (first.stopped, first.course.cut) == ("budget", cut)
    told, found = case.run(tmp_path / "second", spec, course=first.course)
    assert_same(expected, found)
    assert (told.course, told.best_epoch, told.loss_best) == (first.course, first.best_epoch, first.loss_best)


def test_the_minutes_of_a_run_before_count(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgemed.compress.recover._SAVE_S", 0.0)
    ticks = count()
    spec = replace(SPEC, budget_min=1.0)

    interrupt(lambda: case.run(tmp_path, spec, clock=lambda: 2.0 * next(ticks)), 6, monkeypatch)
    told, weights = case.run(tmp_path, spec, clock=lambda: 0.0)
    assert told.minutes > 0.5
    again, same = case.run(tmp_path, spec, clock=lambda: 0.0)
    assert_same(weights, same)
    assert again.minutes == told.minutes


def test_a_rate_that_diverges_is_lowered_once_and_the_best_state_stays(case: Case, tmp_path: Path) -> None:
    spec = replace(SPEC, learning_rate=0.99, epochs=30)
    told, weights = case.run(tmp_path, spec)
    assert "a tenth of the learning rate" in told.notes[0]
    assert told.loss_best <= min(told.loss_pruned, told.loss_batch_norm)
    assert all(torch.isfinite(value).all() for value in weights.values())
    again, _ = case.run(tmp_path, spec)
    assert again.notes == told.notes


def test_where_nothing_is_better_the_start_is_kept(case: Case, tmp_path: Path) -> None:
    same = replace_student(case, copy.deepcopy(case.teacher))
    told, weights = same.run(tmp_path, replace(SPEC, learning_rate=0.9, epochs=14))
    assert (told.best_epoch, told.loss_best) == (0, min(told.loss_pruned, told.loss_batch_norm))
    assert (told.stopped, told.failure) == ("diverged", "it diverged before it had made the model better")
    assert_same(same.teacher.state_dict(), weights)


def replace_student(case: Case, student: nn.Module) -> Case:
    return Case(case.teacher, student, History(), case.samples)


def test_nan_from_the_start_is_a_failure_with_a_remedy(case: Case, tmp_path: Path) -> None:
    student = copy.deepcopy(case.student)
    with torch.no_grad():
        student.head[1].weight.fill_(math.nan)
    with pytest.raises(ToolFailure, match="NaN") as failed:
        Case(case.teacher, student, case.history, case.samples).run(tmp_path)
    assert failed.value.remedy


ENDINGS: dict[str, tuple[Head, int, Callable[[Tensor], Tensor]]] = {
    "binary, two logits": (Head("output", "binary", "logits"), 2, lambda x: x),
    "multiclass, logits": (Head("output", "multiclass", "logits"), 4, lambda x: x),
    "multiclass, softmax": (Head("output", "multiclass", "softmax"), 4, lambda x: x.softmax(1)),
    "multilabel, sigmoid": (Head("output", "multilabel", "sigmoid"), 3, torch.sigmoid),
    "binary, sigmoid": (Head("output", "binary", "sigmoid"), 1, torch.sigmoid),
    "regression": (Head("output", "regression", "values"), 2, lambda x: 40.0 + 10.0 * x),
}


@pytest.mark.parametrize("name", ENDINGS)
@pytest.mark.parametrize("labelled", [False, True])
def test_each_kind_of_head_recovers(tmp_path: Path, name: str, labelled: bool) -> None:
    head, columns, ending = ENDINGS[name]
    made = make_case(Net(columns, ending), heads=(head,))
    with torch.no_grad():
        answer = made.teacher(x=made.samples)
    if labelled:
        labels = {
            "regression": answer,
            "multilabel": (answer > 0.5).float(),
            "multiclass": answer.argmax(1),
            "binary": (answer[:, -1] > 0.5).long(),
        }
        made.targets = {"output": labels[head.kind]}
    told, _ = made.run(tmp_path, replace(SPEC, use_labels=labelled))
    assert told.loss_best < (0.9 if labelled else 0.7) * min(told.loss_pruned, told.loss_batch_norm)


def test_labels_change_what_is_learnt(case: Case, tmp_path: Path) -> None:
    labels = {"output": torch.from_numpy(np.random.default_rng(0).integers(0, 2, len(case.samples)))}
    labelled = replace(case, targets=labels)
    _, without = labelled.run(tmp_path / "a")
    _, with_labels = labelled.run(tmp_path / "b", replace(SPEC, use_labels=True))
    assert not torch.equal(without["head.1.weight"], with_labels["head.1.weight"])
    assert_same(case.run(tmp_path / "c")[1], without)


def flat(groups: list[list[int]]) -> list[int]:
    return [index for group in groups for index in group]


def test_neither_batches_of_one_nor_few_samples_stop_it(tmp_path: Path) -> None:
    told, _ = make_case(samples=12).run(tmp_path, replace(SPEC, batch=10, epochs=2))
    assert len(told.losses) == 2
    order = SampleOrder(12, 5, 0)
    assert sorted(flat(order.training(1) + order.watching())) == list(range(12))
    assert [len(group) for group in order.training(1)] == [5, 6]


def test_each_epoch_has_every_sample_once_in_its_own_order() -> None:
    order = SampleOrder(100, 8, 3)
    first, second = (flat(order.training(epoch)) for epoch in (1, 2))
    assert sorted(first) == sorted(second)
    assert first != second
    assert first == flat(SampleOrder(100, 8, 3).training(1))
    assert not set(first) & set(flat(order.watching()))
    assert len(order.watching()[0]) + len(order.watching()[1]) == 10


def test_the_teacher_is_left_as_it_was(case: Case, tmp_path: Path) -> None:
    before = copy.deepcopy(case.teacher.state_dict())
    case.run(tmp_path)
    assert_same(before, case.teacher.state_dict())
    assert not case.teacher._forward_hooks


@pytest.mark.parametrize(
    "name",
    [
        "multihead attention", "two inputs, two heads", "gru", "unet", "3d", "plain batch norm",
        "unet of instance norms",
    ],
)  # fmt: skip
def test_nets_of_every_kind_recover(tmp_path: Path, name: str) -> None:
    """Without BatchNorm, with several inputs and heads, with recurrent layers and transposed convolutions."""
    teacher, samples = made(name, 48, rounds=20)
    student = copy.deepcopy(teacher)
    _, history = prune(student, {key: value[:4] for key, value in samples.items()}, SPEC)
    outputs = 2 if name == "two inputs, two heads" else 1
    heads = [Head(f"output_{i}", "regression", "values") for i in range(outputs)]
    order = SampleOrder(48, 16, 0)

    def batches(groups: list[list[int]]) -> Iterator[Batch]:
        for group in groups:
            yield Batch({key: value[group] for key, value in samples.items()})

    told = recover(
        student,
        teacher,
        history,
        heads,
        lambda epoch: batches(order.training(epoch)),
        lambda: batches(order.watching()),
        SPEC,
        seed=0,
        checkpoint=tmp_path / "state",
    )
    assert told.loss_best < told.loss_pruned


def test_a_net_with_integer_parameters_recovers(case: Case, tmp_path: Path) -> None:
    student = copy.deepcopy(case.student)
    student.steps = nn.Parameter(torch.tensor([3]), requires_grad=False)
    told, weights = Case(case.teacher, student, case.history, case.samples).run(tmp_path)
    assert told.loss_best < told.loss_pruned
    assert weights["steps"].tolist() == [3]


def test_a_full_disk_is_told_as_that_and_leaves_the_checkpoint_before(case: Case, tmp_path: Path) -> None:
    case.run(tmp_path, replace(SPEC, epochs=1))
    before = (tmp_path / "state.safetensors").read_bytes()
    (tmp_path / f".state.safetensors.{os.getpid()}").symlink_to("/dev/full")
    with pytest.raises(DiskFull):
        case.run(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["state.safetensors"]
    assert (tmp_path / "state.safetensors").read_bytes() == before


def test_what_a_recovery_tells_is_json(case: Case, tmp_path: Path) -> None:
    told, _ = case.run(tmp_path)
    assert Recovery.from_json(json.dumps(told.to_dict())) == told
