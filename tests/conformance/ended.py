"""How a command of edgemed's ended."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ended:
    """Exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def refused(self, code: int, *words: str) -> str:
        """The message on standard error; checks the exit code, the words and that there is no traceback."""
        assert self.code == code, f"exit code {self.code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.err + self.out, self.err
        flat = " ".join(self.err.split())
        for word in words:
            assert word in flat, f"{word!r} is not in: {self.err}"
        return self.err
