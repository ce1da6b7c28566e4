"""mixed: new samples from pairs of old ones, after Zhang et al. 2018 (mixup).

The original answers for any input, so they need no labels. A few hundred samples
would else be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


def mixed(inputs: Mapping[str, Tensor], seed: Sequence[int]) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """`share * x + (1 - share) * x[partner]` of every input, and `partner` (samples,) and `share` (samples,).

    Half of the samples, on average, stay as they are; the others have a share between 0 and 1.
    """
    import torch

    samples = len(next(iter(inputs.values())))
    random = np.random.default_rng(list(seed))
    partner = torch.from_numpy(random.permutation(samples))
    share = np.where(random.random(samples) < 0.5, random.random(samples), 1.0)
    weights = torch.from_numpy(share.astype(np.float32))
    blended = {}
    for name, value in inputs.items():
        own = weights.view(-1, *(1,) * (value.dim() - 1))
        blended[name] = own * value + (1.0 - own) * value[partner]
    return blended, partner, weights
