"""Stages on disk, found again by the digest of everything that they depend on."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgemed.disk import disk_failure, flush, flush_one
from edgemed.errors import BadInput
from edgemed.types import digest_of, digest_of_file

_DONE = "stage.json"
_LOCK = "lock"


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

    @contextmanager
    def alone(self, out: Path) -> Iterator[None]:
        """Hold the lock on this cache, and remove what killed runs left half done.

        `out` is the output folder as the user wrote it. Raises `BadInput` when another process holds
        the lock.
        """
        try:
            lock = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise disk_failure(error, out) from error
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BadInput(
                    "another edgemed is writing to this folder",
                    where=f"--out {out}",
                    remedy="wait for it, or give another --out",
                ) from None
            except OSError as error:
                raise disk_failure(error, out) from error
            for scratch in self.root.glob(".*-*"):
                if scratch.is_dir():
                    shutil.rmtree(scratch, ignore_errors=True)
                else:
                    scratch.unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)

    def find(self, name: str, depends_on: dict[str, Any]) -> Stage | None:
        """The finished stage for these dependencies, if there is one; one whose files changed is none."""
        key = digest_of(depends_on)[:16]
        folder = self.root / f"{name}-{key}"
        try:
            done = json.loads((folder / _DONE).read_text(encoding="utf-8"))
            if done.pop("sha256") != _seal(done) or done["files"] != _digests(folder):
                return None
            return Stage(name, folder, key, True, done["seconds"], done["peak_mib"], done["facts"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
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
            done: dict[str, Any] = {
                "seconds": seconds,
                "peak_mib": peak_mib,
                "facts": facts,
                "depends_on": depends_on,
                "files": _digests(temporary),
            }
            done["sha256"] = _seal(done)
            (temporary / _DONE).write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
            flush(temporary)
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
            flush_one(self.root)
        except OSError:
            if not self.find(name, depends_on):
                raise


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of each file of a stage by its relative name, but for the stage file."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir())
    digests = {path.relative_to(folder).as_posix(): digest_of_file(path) for path in files}
    digests.pop(_DONE, None)
    return digests


def _seal(done: dict[str, Any]) -> str:
    """sha256 of a stage file's content, the same before it is written and after it is read."""
    plain = json.loads(json.dumps(done))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
