"""group_of: the name of a patient or duplicate group, alike in every set."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from edgemed.errors import BadInput

_EXACT = 2**53
_WHOLE = re.compile(r"([+-]?\d+)\.0*")


def group_of(value: Any) -> str | None:
    """`value` as text; None where it is empty or NaN.

    A table with one gap turns its column of 5s into 5.0s: both are group `5`. `05` stays another name.
    Bytes are read as UTF-8. Raises `BadInput` for a float that has lost digits of a whole number.
    """
    found: Any = np.asarray(value).reshape(-1)[0]
    if isinstance(found, bytes):
        found = found.decode(errors="backslashreplace")
    if isinstance(found, np.floating) and abs(found) >= _EXACT:
        raise BadInput(
            f"group {found:g} is a float, which holds whole numbers up to 2**53",
            remedy="store long numbers of patients as text",
        )
    text = str(found).strip()
    if text.lower() in ("", "nan"):
        return None
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text
