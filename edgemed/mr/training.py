"""Training of a `SignalNet`: AdamW, one learning-rate cycle, fresh noise in each epoch, early stopping."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.mr.noise import with_fresh_noise
from edgemed.mr.quality import quality
from edgemed.mr.raw_front import RawFront
from edgemed.mr.shift import Shift
from edgemed.mr.signal_set import SignalSet
from edgemed.types import OutputSpec, Record

if TYPE_CHECKING:
    import torch

    from edgemed.mr.models.signal_net import SignalNet

Epoch = Callable[[int, int, float], None]
"""Epochs done, of how many, and the validation quality of the last."""
LINEAR_DECAY = 30.0
"""A linear path has a weight for every value of a signal: with the decay of the others it learnt 1000 heads
by heart (AUC .57 on unseen ones, .66 with this)."""
THREADS = 1
"""Nets this small gain nothing from a second thread, and a sum's order must not depend on their number."""


class Schedule(Record):
    """Training stops after `patience` epochs that do not raise the validation quality. A `batch` is all
    signals where there are fewer."""

    epochs: int = 100
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    batch: int = 64
    patience: int = 30


@dataclass(frozen=True)
class Learner:
    """What is learnt from: `front` and whitening (`mean`, `std`, of the front's form) before the network.

    In each epoch heads are moved by `shift`, and noise of `snrs` is added (`with_fresh_noise`).
    """

    front: RawFront
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    heads: Sequence[OutputSpec]
    snrs: tuple[float, ...]
    shift: Shift

    def whitened(self, seen: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the network is given, float32 (n, channels, length), of what the front gives."""
        return (seen - self.mean) / self.std

    def drawn(self, data: SignalSet, random: np.random.Generator) -> NDArray[np.float32]:
        moved = self.shift(data.signals, random)
        return self.whitened(self.front(with_fresh_noise(moved, self.snrs, random)))


def train(
    net: SignalNet,
    learner: Learner,
    fit: SignalSet,
    validate: tuple[NDArray[np.float32], dict[str, NDArray[Any]]],
    schedule: Schedule,
    seed: int,
    epoch_done: Epoch = lambda done, of, reached: None,
) -> float:
    """Train in place; the net is left in eval mode with its best epoch's weights. That epoch's quality.

    `validate` are rows behind the front (n, channels, length) and their targets. Quality is the mean of the
    heads' (AUC, balanced accuracy, R2). The same `seed` of order and noise, and torch's of dropout, give the
    same weights on one machine. Raises `BadInput` where the net no longer answers numbers.
    """
    import torch

    random = np.random.default_rng(seed)
    targets = _standard(net, fit, learner.heads)
    direct = [] if net.linear is None else list(net.linear.parameters())
    groups: list[dict[str, Any]] = [
        {"params": [each for each in net.parameters() if not any(each is own for own in direct)]},
        {"params": direct, "weight_decay": LINEAR_DECAY},
    ]
    optimiser = torch.optim.AdamW(groups, lr=schedule.learning_rate, weight_decay=schedule.weight_decay)
    size = min(schedule.batch, len(fit))
    batches = len(fit) // size
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, schedule.learning_rate, total_steps=schedule.epochs * batches, pct_start=0.15
    )
    best, best_epoch, weights = -np.inf, 0, copy.deepcopy(net.state_dict())
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        for epoch in range(1, schedule.epochs + 1):
            net.train()
            rows = torch.from_numpy(learner.drawn(fit, random))
            order = torch.from_numpy(random.permutation(len(fit)))
            for chosen in order[: batches * size].view(batches, -1):
                loss = _loss(net.standard(rows[chosen]), targets, chosen, learner.heads)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                cycle.step()
            given = answers(net, validate[0])
            if not all(np.isfinite(each).all() for each in given.values()):
                raise BadInput(
                    f"the network of seed {seed} answers nan or inf after epoch {epoch}",
                    where="training",
                    remedy="a smaller --learning-rate",
                )
            found = quality(learner.heads, validate[1], given)
            reached = float(np.mean(list(found.values())))
            if reached > best:
                best, best_epoch, weights = reached, epoch, copy.deepcopy(net.state_dict())
            epoch_done(epoch, schedule.epochs, reached)
            if epoch - best_epoch >= schedule.patience:
                break
    finally:
        torch.set_num_threads(threads)
    net.load_state_dict(weights)
    net.eval()
    return best


def answers(net: SignalNet, rows: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Logits and values (n, columns) of each head, in eval mode."""
    import torch

    net.eval()
    with torch.no_grad():
        pieces = [net(piece) for piece in torch.split(torch.from_numpy(rows), 256)]
    return {name: torch.cat([piece[name] for piece in pieces]).numpy() for name in net.heads}


def _standard(net: SignalNet, fit: SignalSet, heads: Sequence[OutputSpec]) -> list[torch.Tensor]:
    """The heads' targets, values brought to mean 0 and variance 1, which the net is told to undo."""
    import torch

    targets = []
    column = 0
    for head in heads:
        target = fit.targets[head.name]
        if head.kind == "regression":
            mean, deviation = float(target.mean()), float(target.std())
            net.offset[column], net.scale[column] = mean, deviation
            target = (target - mean) / deviation
        targets.append(torch.from_numpy(target if head.kind == "multiclass" else target.astype(np.float32)))
        column += head.columns
    return targets


def _loss(
    standard: torch.Tensor, targets: list[torch.Tensor], chosen: torch.Tensor, heads: Sequence[OutputSpec]
) -> torch.Tensor:
    from torch.nn import functional

    total = standard.new_zeros(())
    column = 0
    for head, target in zip(heads, targets, strict=True):
        answer, wanted = standard[:, column : column + head.columns], target[chosen]
        column += head.columns
        if head.kind == "multiclass":
            total = total + functional.cross_entropy(answer, wanted)
        elif head.kind == "binary":
            total = total + functional.binary_cross_entropy_with_logits(answer[:, 0], wanted)
        else:
            total = total + functional.mse_loss(answer[:, 0], wanted)
    return total
