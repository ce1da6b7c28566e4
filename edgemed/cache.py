"""Stages on disk, found again by the digest of everything that they depend on."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgemed.errors import DiskFull, ToolFailure
from edgemed.types import digest_of

_DONE = "stage.json"


@dataclass(frozen=True)
class Stage:
    """A finished stage: its folder, and what it took when it was made."""

    name: str
    folder: Path
    key: str
    cached: bool
    seconds: float
    peak_mib: float | None
    facts: dict[str, Any]


class StageCache:
    """Folders `<root>/<name>-<key>`; a stage that was interrupted leaves nothing that looks finished."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def find(self, name: str, depends_on: dict[str, Any]) -> Stage | None:
        """The finished stage for these dependencies, if there is one."""
        key = digest_of(depends_on)[:16]
        folder = self.root / f"{name}-{key}"
        try:
            done = json.loads((folder / _DONE).read_text(encoding="utf-8"))
            return Stage(name, folder, key, True, done["seconds"], done["peak_mib"], done["facts"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def run(
        self,
        name: str,
        depends_on: dict[str, Any],
        make: Callable[[Path], tuple[float | None, dict[str, Any]]],
    ) -> Stage:
        """The stage from the cache, or made now: `make(folder)` writes files, gives (peak MiB, facts).

        The folder is a temporary sibling until `make` has returned. Raises `ToolFailure` on a full disk.
        """
        found = self.find(name, depends_on)
        if found:
            return found
        key = digest_of(depends_on)[:16]
        final = self.root / f"{name}-{key}"
        try:
            temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.root))
        except OSError as error:
            raise disk_failure(error, self.root) from error
        start = time.perf_counter()
        try:
            peak_mib, facts = make(temporary)
            seconds = time.perf_counter() - start
            done = {"seconds": seconds, "peak_mib": peak_mib, "facts": facts, "depends_on": depends_on}
            (temporary / _DONE).write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
            self._keep(temporary, final, name, depends_on)
        except OSError as error:
            raise disk_failure(error, self.root) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return Stage(name, final, key, False, seconds, peak_mib, facts)

    def _keep(self, temporary: Path, final: Path, name: str, depends_on: dict[str, Any]) -> None:
        """Give the folder its name; where another process was faster, its equal result stays."""
        if self.find(name, depends_on):
            return
        shutil.rmtree(final, ignore_errors=True)
        try:
            temporary.replace(final)
        except OSError:
            if not self.find(name, depends_on):
                raise


def disk_failure(error: OSError, where: Path) -> ToolFailure:
    """What a failed write means, in words."""
    import errno

    if error.errno == errno.ENOSPC:
        return DiskFull(
            "the disk is full",
            where=str(where),
            remedy="free some space and run the same command again: finished stages are reused",
        )
    return ToolFailure(f"cannot write: {error.strerror or error}", where=str(error.filename or where))
