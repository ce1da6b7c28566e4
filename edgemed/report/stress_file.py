"""stress.json: read where a stress test has left it, beside a compile's report."""

from __future__ import annotations

from pathlib import Path

from edgemed.errors import BadInput
from edgemed.types.stress import STRESS_FILE, Stress


def read_stress(out: Path) -> Stress | None:
    """None where there is none. Raises `BadInput` where no stress test wrote the file of that name."""
    path = out / STRESS_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{STRESS_FILE} cannot be read: {error}", where=str(path)) from None
    return Stress.from_json(text, where=str(path))
