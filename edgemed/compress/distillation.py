"""Distillation: how far a pruned net's answers and inner values are from the original's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgemed.compress.forward_outputs import outputs_of
from edgemed.compress.history import History
from edgemed.types import Ending, Kind

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

_SMALL = 1e-6
"""Probabilities are kept so far from 0 and 1."""


@dataclass(frozen=True)
class Head:
    """An output of the module, in the order that forward gives them: what it means and how it ends."""

    name: str
    kind: Kind
    ending: Ending

    def logits(self, value: Tensor) -> Tensor:
        """(samples, columns): logits of a sigmoid or a softmax; the values of a regression."""
        value = value.flatten(1) if value.dim() > 1 else value[:, None]
        if self.kind == "regression" or self.ending == "logits":
            return value
        value = value.clamp(_SMALL, 1.0 - _SMALL)
        return value.log() if self._rows_sum_to_one(value) else value.logit()

    def loss(self, student: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of each sample (samples,) against the probabilities `target`."""
        from torch.nn import functional

        if self._rows_sum_to_one(student):
            return functional.cross_entropy(student, target, reduction="none")
        return functional.binary_cross_entropy_with_logits(student, target, reduction="none").mean(1)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(1) if self._rows_sum_to_one(logits) else logits.sigmoid()

    def labels(self, target: Tensor, columns: int) -> Tensor:
        """A label as the probabilities (samples, columns) that it stands for."""
        from torch.nn import functional

        if self.kind in ("multiclass", "binary") and columns > 1:
            return functional.one_hot(target.reshape(-1).long(), columns).float()
        return target.reshape(-1, columns).float()

    def _rows_sum_to_one(self, value: Tensor) -> bool:
        return self.kind in ("multiclass", "binary") and value.shape[1] > 1


class Distillation:
    """Losses between `student` and `teacher`, whose structure `history` took the student from.

    Of the answers: the divergence from the teacher's probabilities (Hinton et al. 2015), and the squared
    error of logits or values over their variance, which tells where probabilities are 0 or 1. Of the inner
    values: the squared error of the channels that were kept, behind each BatchNorm (each layer, in a net
    without), over their variance: it tells each layer what to give, where a few hundred answers would not.
    """

    def __init__(
        self, student: nn.Module, teacher: nn.Module, history: History, heads: Sequence[Head]
    ) -> None:
        self.student = student
        self.heads = tuple(heads)
        self._teacher = teacher.eval()
        self._scales: list[float] = [1.0] * len(self.heads)
        self._places = kept_channels(teacher, student, history)
        self._seen: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
        self._hooks = [
            hook
            for net, seen in zip((student, teacher), self._seen, strict=True)
            for hook in _watch(net, self._places, seen)
        ]

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def measure(self, batches: Iterable[Mapping[str, Tensor]]) -> int:
        """Take the variance of each head's logits or values from the teacher; gives the number of batches."""
        import torch

        sums = torch.zeros(3, len(self.heads), dtype=torch.float64)
        count = 0
        for batch in batches:
            count += 1
            for index, logits in enumerate(self.teach(batch)):
                logits = logits.double()
                sums[:, index] += torch.stack(
                    (torch.tensor(float(logits.numel())), logits.sum(), logits.square().sum())
                )
        mean = sums[1] / sums[0]
        variance = sums[2] / sums[0] - mean**2
        self._scales = [1.0 / max(float(value), _SMALL) for value in variance]
        return count

    def teach(self, batch: Mapping[str, Tensor]) -> list[Tensor]:
        """The teacher's logits or values."""
        import torch

        with torch.no_grad():
            return self._logits(self._teacher(**batch))

    def of_answers(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, list[Tensor]]:
        """The mean loss of the answers to `batch`, and the student's logits or values."""
        for seen in self._seen:
            seen.clear()
        taught = self.teach(batch)
        given = self._logits(self.student(**batch))
        total = given[0].new_zeros(())
        for head, scale, answer, target in zip(self.heads, self._scales, given, taught, strict=True):
            total = total + scale * (answer - target).square().mean()
            if head.kind != "regression":
                wanted = head.probabilities(target)
                total = total + (head.loss(answer, wanted) - head.loss(target, wanted)).mean()
        return total, given

    def of_labels(self, given: Sequence[Tensor], targets: Mapping[str, Tensor], share: Tensor) -> Tensor:
        """The loss of the labels, each sample weighted by its `share` (samples,); 0 without labels."""
        total = given[0].new_zeros(())
        for head, scale, answer in zip(self.heads, self._scales, given, strict=True):
            if head.name not in targets:
                continue
            label = head.labels(targets[head.name], answer.shape[1])
            error = (
                scale * (answer - label).square().mean(1)
                if head.kind == "regression"
                else head.loss(answer, label)
            )
            total = total + (share * error).mean()
        return total

    def of_inner_values(self) -> Tensor | float:
        """The mean over layers of the last call's squared error over the variance of the teacher's values."""
        student, teacher = self._seen
        errors = []
        for name, (places, axis) in self._places.items():
            if name not in student or name not in teacher:  # a part of nn.MultiheadAttention is never called
                continue
            wanted = teacher[name].index_select(axis, places)
            scale = wanted.var(unbiased=False).clamp_min(_SMALL)
            errors.append((student[name] - wanted).square().mean() / scale)
        return sum(errors) / len(errors) if errors else 0.0

    def _logits(self, value: object) -> list[Tensor]:
        outputs = outputs_of(value)
        return [head.logits(output) for head, output in zip(self.heads, outputs, strict=True)]


def kept_channels(teacher: nn.Module, student: nn.Module, history: History) -> dict[str, tuple[Tensor, int]]:
    """By name of a layer in both nets that has lost outputs: the places that were kept, and their axis."""
    import torch
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.conv import _ConvNd

    parts = dict(teacher.named_modules())
    both = parts.keys() & {name for name, _ in student.named_modules()}
    cuts = {
        cut.target: frozenset(cut.removed) for cut in history.cuts if cut.side == "out" and cut.target in both
    }
    norms = {name for name in cuts if isinstance(parts[name], _BatchNorm)}
    places = {}
    for name, removed in cuts.items():
        part = parts[name]
        if isinstance(part, nn.Linear) and not norms:
            width, axis = part.out_features, -1
        elif isinstance(part, _BatchNorm) and norms:
            width, axis = part.num_features, 1
        elif isinstance(part, _ConvNd) and not norms:
            width, axis = part.out_channels, 1
        else:
            continue
        places[name] = torch.tensor([place for place in range(width) if place not in removed]), axis
    return places


def _watch(net: nn.Module, names: Iterable[str], seen: dict[str, Tensor]) -> list[RemovableHandle]:
    def keep(name: str) -> RemovableHandle:
        return net.get_submodule(name).register_forward_hook(
            lambda part, inputs, output: seen.__setitem__(name, output)
        )

    return [keep(name) for name in names]
