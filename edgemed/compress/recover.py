"""recover: trains a pruned net to answer as the original does, on samples that need no labels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgemed.child import report_progress
from edgemed.compress.batch_norm import is_batch_norm, reestimate_batch_norm
from edgemed.compress.distillation import Distillation, Head
from edgemed.compress.history import History
from edgemed.compress.mixing import mixed
from edgemed.compress.recovery_checkpoint import Progress, RecoveryCheckpoint, copy_of_state, digest_of_state
from edgemed.compress.sample_order import Batch
from edgemed.errors import BadInput, ToolFailure
from edgemed.types import PruneSpec, Recovery, RecoveryCourse, digest_of

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

_LOWER = 0.1
"""What a recovery that diverges multiplies its learning rate by, once."""
_PATIENCE = 5
"""Epochs in a row behind the start that count as diverging."""
_SAVE_S = 30.0
_MARGIN = 0.95
"""Of the budget that is planned with: epochs to come may be slower than those before."""
_BAR = 1000


def recover(
    student: nn.Module,
    teacher: nn.Module,
    history: History,
    heads: Sequence[Head],
    training: Callable[[int], Iterable[Batch]],
    watching: Callable[[], Iterable[Batch]],
    spec: PruneSpec,
    *,
    seed: int,
    checkpoint: Path,
    course: RecoveryCourse | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Recovery:
    """Train `student` in place; it ends in eval mode in the state that was best on `watching`.

    `training(epoch)` gives the batches of an epoch, the same ones each time; epoch 0 serves for statistics.
    AdamW, cosine schedule over `spec.epochs`, or over as many as those before tell to fit into
    `spec.budget_min` minutes of `clock`, which end it in any case; those of runs that `checkpoint` takes up
    count. On one machine and as many threads, the same arguments give the same weights, interrupted or not,
    where the budget is enough for all epochs, or with the `course` of an earlier recovery, which then goes
    as far as that one whatever `clock` says. A checkpoint that cannot be used is told in the notes.

    Raises `ToolFailure` where the pruned net gives no finite answers.
    """
    import torch

    for parameter in student.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    distillation = Distillation(student, teacher, history, heads)
    with torch.random.fork_rng(devices=[]):
        try:
            return _Recoverer(distillation, training, watching, spec, seed, checkpoint, course, clock).run()
        finally:
            distillation.close()
            student.eval()


class _Recoverer:
    def __init__(
        self,
        distillation: Distillation,
        training: Callable[[int], Iterable[Batch]],
        watching: Callable[[], Iterable[Batch]],
        spec: PruneSpec,
        seed: int,
        checkpoint: Path,
        course: RecoveryCourse | None,
        clock: Callable[[], float],
    ) -> None:
        self._distillation = distillation
        self._student = distillation.student
        self._training, self._watching = training, watching
        self._spec, self._seed, self._clock = spec, seed, clock
        self._course = course
        self._checkpoint = RecoveryCheckpoint(checkpoint)
        self._started = self._saved = clock()
        self._notes: list[str] = []
        self._samples = self._held_out = 0
        self._labelled = spec.use_labels

    def run(self) -> Recovery:
        self._progress = self._start()
        self._optimiser = self._fresh_optimiser()
        self._best = copy_of_state(self._student)
        self._take_up()
        self._spent = self._progress.seconds
        while not (self._progress.diverged or self._is_over() or self._budget_is_spent()):
            self._epoch()
        self._cut = not (self._progress.diverged or self._is_over())
        if self._progress.step:  # of an epoch that the budget has cut
            self._judge(self._watched())
            self._save()
        self._student.load_state_dict(self._best)
        report_progress(_BAR, _BAR)
        return self._recovery()

    def _start(self) -> Progress:
        """The state before the first step: BatchNorm statistics measured anew, unless those are worse."""
        before = copy_of_state(self._student)
        own = digest_of_state(before)
        batches = self._distillation.measure(self._counted())
        pruned = self._watched()
        reestimate_batch_norm(self._student, (batch.inputs for batch in self._training(0)))
        norms = self._watched()
        if norms is None or (pruned is not None and norms > pruned):
            self._student.load_state_dict(before)
        losses = [loss for loss in (pruned, norms) if loss is not None]
        if not losses:
            raise ToolFailure(
                "the pruned net gives NaN or infinity before its recovery has begun",
                where="prune",
                remedy="give a smaller prune.ratio, or check the calibration set for extreme values",
            )
        depends_on = digest_of([self._spec, self._seed, own, batches, pruned, norms])
        return Progress(depends_on, pruned, norms, min(losses), min(losses), batches, self._spec.epochs)

    def _counted(self) -> Iterator[Mapping[str, Tensor]]:
        """The inputs of an epoch."""
        for batch in self._training(0):
            self._samples += batch.size
            self._labelled = self._labelled and bool(batch.targets)
            yield batch.inputs

    def _take_up(self) -> None:
        try:
            found = self._checkpoint.load(self._progress.depends_on, self._student, self._optimiser)
        except BadInput as error:
            self._notes.append(f"{error.problem}; the recovery begins anew")
            return
        if found is not None:
            self._progress, self._best = found

    def _epoch(self) -> None:
        """To its end, or to where the budget is spent."""
        self._student.train()
        for part in self._student.modules():
            if not is_batch_norm(part):
                part.training = False  # dropout would ask for answers that the original does not give
        for number, batch in enumerate(self._training(self._progress.epoch)):
            if number < self._progress.step:
                continue
            finite = self._step(batch)
            self._progress = replace(self._progress, step=number + 1, steps=self._progress.steps + 1)
            if not finite:
                self._diverge()
                self._next_epoch(None)
                return
            self._report()
            if self._budget_is_spent():
                return
            if self._clock() - self._saved > _SAVE_S:
                self._save()
        loss = self._watched()
        self._judge(loss)
        better = loss is not None and loss < self._progress.loss_start
        rising = 0 if better else self._progress.rising + 1
        self._progress = replace(self._progress, rising=rising)
        if rising >= _PATIENCE:
            self._diverge()
        self._next_epoch(loss)

    def _step(self, batch: Batch) -> bool:
        """One step of the optimiser; False where the loss is not finite."""
        import torch

        if batch.size < 2:
            return True
        where = (self._seed, self._progress.epoch, self._progress.step)
        inputs, partner, share = mixed(batch.inputs, where)
        self._optimiser.param_groups[0]["lr"] = self._rate()
        loss, given = self._distillation.of_answers(inputs)
        loss = loss + self._distillation.of_inner_values()
        if self._spec.use_labels and batch.targets:
            others = {name: target[partner] for name, target in batch.targets.items()}
            loss = loss + self._distillation.of_labels(given, batch.targets, share)
            loss = loss + self._distillation.of_labels(given, others, 1.0 - share)
        if not torch.isfinite(loss):
            return False
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        return True

    def _plan(self) -> None:
        """As many epochs as the budget has room for: a rate that does not fall to its end recovers less."""
        done, spent = self._progress.epoch - 1, self._seconds()
        if self._course is not None:
            if done <= len(self._course.planned):
                self._progress = replace(self._progress, planned=self._course.planned[done - 1])
            return
        room = 60.0 * self._spec.budget_min * _MARGIN - spent
        left = self._spec.epochs - done
        if room * done < left * spent:
            left = max(0, math.floor(room * done / spent))
        self._progress = replace(self._progress, planned=done + left)

    def _rate(self) -> float:
        planned = self._progress.planned * self._progress.steps_an_epoch
        done = (self._progress.epoch - 1) * self._progress.steps_an_epoch + self._progress.step
        rate = self._spec.learning_rate * (_LOWER if self._progress.lowered else 1.0)
        return rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done / planned)))

    def _watched(self) -> float | None:
        """The mean loss on the watching samples, in eval mode; None where it is not finite."""
        import torch

        self._student.eval()
        total, samples = 0.0, 0
        with torch.no_grad():
            for batch in self._watching():
                loss, given = self._distillation.of_answers(batch.inputs)
                if self._spec.use_labels and batch.targets:
                    whole = torch.ones(batch.size)
                    loss = loss + self._distillation.of_labels(given, batch.targets, whole)
                total += float(loss) * batch.size
                samples += batch.size
        self._held_out = samples
        return total / samples if math.isfinite(total) else None

    def _judge(self, loss: float | None) -> None:
        if loss is not None and loss < self._progress.best_loss:
            self._best = copy_of_state(self._student)
            self._progress = replace(self._progress, best_loss=loss, best_epoch=self._progress.epoch)

    def _next_epoch(self, loss: float | None) -> None:
        self._progress = replace(
            self._progress,
            losses=(*self._progress.losses, loss),
            epoch=self._progress.epoch + 1,
            step=0,
        )
        self._plan()
        self._progress = replace(self._progress, plans=(*self._progress.plans, self._progress.planned))
        self._save()

    def _diverge(self) -> None:
        """Back to the best state with a lower rate; the second time, the end."""
        self._student.load_state_dict(self._best)
        self._optimiser = self._fresh_optimiser()
        self._progress = replace(self._progress, rising=0, lowered=True, diverged=self._progress.lowered)

    def _fresh_optimiser(self) -> Optimizer:
        import torch

        return torch.optim.AdamW(self._student.parameters(), lr=self._spec.learning_rate, weight_decay=0.0)

    def _seconds(self) -> float:
        return self._spent + self._clock() - self._started

    def _budget_is_spent(self) -> bool:
        if self._course is not None:
            return self._course.cut is not None and self._progress.steps >= self._course.cut
        return self._seconds() >= 60.0 * self._spec.budget_min

    def _save(self) -> None:
        self._progress = replace(self._progress, seconds=self._seconds())
        self._checkpoint.save(self._progress, self._student, self._best, self._optimiser)
        self._saved = self._clock()

    def _report(self) -> None:
        """By steps or by minutes, whichever ends it sooner."""
        planned = self._progress.planned * self._progress.steps_an_epoch
        share = max(self._progress.steps / planned, self._seconds() / (60.0 * self._spec.budget_min))
        report_progress(min(_BAR, round(_BAR * share)), _BAR)

    def _is_over(self) -> bool:
        return self._progress.epoch > self._progress.planned

    def _stopped(self) -> Literal["epochs", "budget", "diverged"]:
        if self._progress.diverged:
            return "diverged"
        return "epochs" if self._progress.epoch > self._spec.epochs else "budget"

    def _recovery(self) -> Recovery:
        progress = self._progress
        if self._spec.use_labels and not self._labelled:
            self._notes.append("the calibration set has no labels: prune.use_labels changed nothing")
        if progress.lowered:
            self._notes.append(
                "the recovery diverged and went on from its best state with a tenth of the learning rate"
            )
        if progress.diverged:
            self._notes.append(
                "it diverged again and was stopped: give a smaller prune.learning_rate or prune.ratio"
            )
        return Recovery(
            samples=self._samples,
            held_out=self._held_out,
            loss_pruned=progress.loss_pruned,
            loss_batch_norm=progress.loss_batch_norm,
            losses=progress.losses,
            loss_best=progress.best_loss,
            best_epoch=progress.best_epoch,
            epochs_planned=progress.planned,
            minutes=self._seconds() / 60.0,
            stopped=self._stopped(),
            labelled=self._labelled,
            notes=tuple(self._notes),
            course=RecoveryCourse(progress.plans, progress.steps if self._cut else None),
        )
