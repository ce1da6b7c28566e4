"""reestimate_batch_norm: BatchNorm's running statistics, measured anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.nn.modules.batchnorm import _BatchNorm


def reestimate_batch_norm(module: nn.Module, batches: Iterable[Mapping[str, Tensor]]) -> None:
    """Set running mean and variance to their means over `batches`; all else stays in eval mode.

    A batch of a single sample is left out, for it has no variance. The statistics stay as they were where
    there is no other batch.
    """
    import torch

    norms = [part for part in module.modules() if is_batch_norm(part) and part.track_running_stats]
    if not norms:
        return
    module.eval()
    momenta = [norm.momentum for norm in norms]
    fresh = False
    try:
        with torch.no_grad():
            for batch in batches:
                if len(next(iter(batch.values()))) < 2:
                    continue
                if not fresh:
                    for norm in norms:
                        norm.reset_running_stats()
                        norm.momentum = None
                        norm.train()
                    fresh = True
                module(**batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        module.eval()


def is_batch_norm(part: nn.Module) -> TypeGuard[_BatchNorm]:
    from torch.nn.modules.batchnorm import _BatchNorm

    return isinstance(part, _BatchNorm)
