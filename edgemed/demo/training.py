"""One plain training loop for the demos: AdamW, cosine schedule, early stopping on the selection AUC."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

    Augment = Callable[[Tensor, Generator], Tensor]

Progress = Callable[[str, float], None]

THREADS = 1
"""Nets this small gain nothing from a second thread, and lose where another process needs the core."""


@dataclass(frozen=True)
class Labelled:
    """`inputs` float32 (n, ...) as the module takes them, `labels` (n,) 0 or 1."""

    inputs: NDArray[np.float32]
    labels: NDArray[Any]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: stops after `patience` epochs that do not raise the selection AUC."""

    epochs: int
    rate: float
    weight_decay: float
    batch: int = 64
    patience: int = 6


def train(
    module: nn.Module,
    fit: Labelled,
    select: Labelled,
    schedule: Schedule,
    seed: int,
    progress: Progress,
    augment: Augment | None = None,
) -> float:
    """Train in place, leave the module in eval mode with its best epoch's weights, return that epoch's AUC.

    The module gives one logit (n, 1). `augment` changes each training batch. The same seed gives the
    same weights on the same machine: threads are fixed, one generator draws batches and augmentation, and
    dropout draws from torch's global state, which the caller seeds.
    """
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    generator = torch.Generator().manual_seed(seed)
    inputs = torch.from_numpy(fit.inputs)
    labels = torch.from_numpy(fit.labels.astype(np.float32)).unsqueeze(1)
    optimiser = torch.optim.AdamW(module.parameters(), lr=schedule.rate, weight_decay=schedule.weight_decay)
    batches = len(inputs) // schedule.batch
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.epochs * batches)
    best, best_epoch, best_weights = 0.0, 0, copy.deepcopy(module.state_dict())
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        for epoch in range(1, schedule.epochs + 1):
            module.train()
            order = torch.randperm(len(inputs), generator=generator)
            for rows in order[: batches * schedule.batch].view(batches, -1):
                batch = inputs[rows] if augment is None else augment(inputs[rows], generator)
                optimiser.zero_grad()
                loss = binary_cross_entropy_with_logits(module(batch), labels[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                cosine.step()
            auc = area(select.labels, predict(module, select.inputs))
            if auc > best:
                best, best_epoch, best_weights = auc, epoch, copy.deepcopy(module.state_dict())
            progress(f"training: epoch {epoch}, selection AUC {auc:.3f}", epoch / schedule.epochs)
            if epoch - best_epoch >= schedule.patience:
                break
    finally:
        torch.set_num_threads(threads)
    module.load_state_dict(best_weights)
    module.eval()
    return best


def predict(module: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (n,) in eval mode."""
    import torch

    module.eval()
    with torch.no_grad():
        pieces = [torch.sigmoid(module(piece))[:, 0] for piece in torch.split(torch.from_numpy(inputs), 256)]
    return np.asarray(torch.cat(pieces).numpy(), np.float32)


def area(labels: NDArray[Any], scores: NDArray[Any]) -> float:
    """Area under the ROC curve."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))
