"""group_of: the name of a patient or duplicate group, alike in every set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgemed.errors import BadInput

GROUP_NAMES = ("group", "patient")
"""Names under which groups are found where nothing says where they are."""
_EXACT = 2**53
_ASK = "add group=NAME to the reference, of the one that tells which cases are of one patient"
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


def group_name(
    names: Sequence[str], source: str, *, remedy: str = _ASK, any_case: bool = False
) -> str | None:
    """The one of `names` that holds groups, None where none does; with `any_case`, be it `Patient`.

    Raises `BadInput` where several may: they may tell different cases apart.
    """
    found = [name for name in names if (name.casefold() if any_case else name) in GROUP_NAMES]
    if len(found) > 1:
        raise BadInput(
            f"patients may be in {' or '.join(found)}",
            where=source,
            remedy=remedy,
        )
    return found[0] if found else None
