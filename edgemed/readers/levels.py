"""Display levels for data without a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput


def stretch(values: NDArray[Any], counted: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """Lowest to highest of `values` (of those `counted`, where given) to uint8 0..255; a constant to 0.

    Raises `BadInput` where a value is NaN or infinite.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BadInput("the data holds NaN or infinite values")
    seen = values if counted is None or not counted.any() else values[counted]
    low, high = float(seen.min()), float(seen.max())
    if low == high:
        return np.zeros(values.shape, np.uint8)
    share = np.clip((values.astype(np.float64) - low) / (high - low), 0.0, 1.0)
    return np.rint(share * 255.0).astype(np.uint8)
