"""group_of: the name of a patient or duplicate group, alike in every set."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_WHOLE = re.compile(r"([+-]?\d+)\.0*")


def group_of(value: Any) -> str | None:
    """`value` as text; None where it is empty or NaN.

    A table with one gap turns its column of 5s into 5.0s: both are group `5`. `05` stays another name.
    """
    text = str(np.asarray(value).reshape(-1)[0]).strip()
    if text.lower() in ("", "nan"):
        return None
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text
