"""NaN and infinity in weights: found before anything is built on them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput


def check_finite(name: str, values: NDArray[Any], where: str, *, trained: bool = True) -> None:
    """Raise `BadInput` that names the tensor when `values` holds NaN or infinity.

    A constant (`trained=False`) may be an attention mask: nothing but zeros and infinities is let through.
    """
    if values.dtype.kind != "f":
        return
    finite = np.isfinite(values)
    if finite.all():
        return
    bad = int(values.size - finite.sum())
    if not trained and not np.isnan(values).any() and not values[finite].any():
        return
    what = "NaN" if np.isnan(values).any() else "infinity"
    raise BadInput(
        f"{name} holds {what} ({bad} of {values.size} values)",
        where=where,
        remedy="the training diverged or the file is damaged; use an earlier checkpoint",
    )
