"""Names of entries: such that no file system and no zip tool reads them in two ways."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edgemed.errors import BadInput

LONGEST = 200
DEEPEST = 8
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def is_plain(part: str) -> bool:
    """Whether it may stand between the slashes of a name."""
    return len(part) <= LONGEST and _PART.fullmatch(part) is not None and not part.endswith(".")


def check_names(names: Iterable[str]) -> None:
    """Raises `BadInput` for a name that is no plain relative path, or is another's but for its case, or the
    folder of another."""
    seen: dict[str, str] = {}
    folders: set[str] = set()
    for name in names:
        parts = name.split("/")
        if not all(map(is_plain, parts)) or len(name) > LONGEST or len(parts) > DEEPEST:
            raise BadInput(
                f"{name[:LONGEST]!r} is no name of an entry: letters, digits and _ . + - between slashes, at "
                f"most {LONGEST} characters and {DEEPEST} parts"
            )
        folded = name.casefold()
        if folded in seen:
            raise BadInput(f"entries {seen[folded]!r} and {name!r} differ in case at most")
        seen[folded] = name
        folders |= {"/".join(parts[:end]).casefold() for end in range(1, len(parts))}
    both = folders & set(seen)
    if both:
        raise BadInput(f"{seen[min(both)]!r} is a file and a folder")
