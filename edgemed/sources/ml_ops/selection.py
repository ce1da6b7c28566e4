"""ArrayFeatureExtractor: columns by constant indices."""

from __future__ import annotations

import numpy as np

from edgemed.sources.ml_ops.replacement import Replacement


def array_feature_extractor(made: Replacement) -> bool:
    """Before: ArrayFeatureExtractor(x, [[2, 0]]). After: Gather(x, [2, 0], axis=1)."""
    indices = made.initializer(made.inputs[1])
    if indices is None:
        return False
    made.add("Gather", made.x, made.constant(indices.ravel(), np.int64), axis=1)
    return True
