"""Puts what was kept where the user finds it: `artefacts/<id>/`, and `original/` to compare with."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgemed.child import run_in_child
from edgemed.disk import disk_failure, flush
from edgemed.errors import BadInput, Untrusted
from edgemed.report import read_stress
from edgemed.runtime import ARTEFACTS, MANIFEST_FILE, TUNED_FILE, Session, read_tuned
from edgemed.stages.artefacts import ORIGINAL, Built
from edgemed.stages.job import Job
from edgemed.types import Manifest
from edgemed.types.decisions import DECISIONS_FILE
from edgemed.types.manifest import VERDICT_FILE
from edgemed.types.stress import STRESS_FILE

ORIGINAL_FOLDER = "original"
_REPORTS = ("report.json", "report.html", "cases.csv", DECISIONS_FILE)


def shelve(job: Job, built: Mapping[str, Built], kept: Iterable[str]) -> None:
    """Copy the kept artefacts and the original, then load each; remove what an earlier compile kept.

    The earlier report goes first, and with it what a tune or a stress test found out about other artefacts
    than these: while there is no report, the artefacts may be of two compiles. Raises `Untrusted` when a copy
    is not what was judged, `ToolFailure` when it cannot be written or loaded.
    """
    names = set(kept)
    shelf = job.out / ARTEFACTS
    places = {shelf / name: built[name] for name in sorted(names)}
    places[job.out / ORIGINAL_FOLDER] = built[ORIGINAL.id]
    job.reporter.stage("shelve", "loading what is kept")
    try:
        for report in _REPORTS:
            (job.out / report).unlink(missing_ok=True)
        _remove_tuned(job, {f"{ARTEFACTS}/{name}": built[name].manifest for name in names})
        judged = {name: built[name].manifest.judged for name in names}
        _remove_stress(job, {ORIGINAL_FOLDER: built[ORIGINAL.id].manifest.judged, **judged})
        shelf.mkdir(parents=True, exist_ok=True)
        for destination, each in places.items():
            _place(each, destination)
        for old in shelf.iterdir():
            if old.name not in names and (old / MANIFEST_FILE).is_file():
                shutil.rmtree(old)
        flush(shelf)
        flush(job.out / ORIGINAL_FOLDER)
    except OSError as error:
        raise disk_failure(error, job.shown_out / ARTEFACTS) from error
    try:
        run_in_child(_load, [str(place) for place in places], what="loading what is kept")
    except Untrusted as error:
        where = error.where.replace(str(job.out), str(job.shown_out))
        raise Untrusted(error.problem, where=where, remedy=error.remedy) from None


def check_shelf(out: Path, shown_out: Path) -> None:
    """Before anything slow: what a compile will replace are artefacts. Raises `BadInput` where not."""
    shelf = out / ARTEFACTS
    inside = [path for path in shelf.iterdir() if path.name[0] != "."] if shelf.is_dir() else [shelf]
    strange = [
        *(path for path in (out / ORIGINAL_FOLDER, *sorted(inside)) if not (path / MANIFEST_FILE).is_file()),
        *(out / report for report in _REPORTS if not (out / report).is_file()),
    ]
    for path in strange:
        if path.exists() or path.is_symlink():
            raise BadInput(
                "no compile wrote this, and one would replace it",
                where=str(shown_out / path.relative_to(out)),
                remedy="give another --out",
            )


def sweep(out: Path) -> None:
    """Remove what a killed compile left half copied or half written in its output folder."""
    left = [*(out / ARTEFACTS).glob(".*-*"), *out.glob(f".{ORIGINAL_FOLDER}-*")]
    for scratch in left:
        shutil.rmtree(scratch, ignore_errors=True)
    for report in (*_REPORTS, STRESS_FILE):
        for part in out.glob(f".{report}.*.part"):
            part.unlink(missing_ok=True)


def _place(built: Built, destination: Path) -> None:
    scratch = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
    try:
        new = scratch / "new"
        shutil.copytree(built.folder, new)
        (new / MANIFEST_FILE).write_text(built.manifest.to_json(), encoding="utf-8")
        if built.verdict is not None:
            (new / VERDICT_FILE).write_text(built.verdict.to_json(), encoding="utf-8")
        if destination.exists():
            destination.rename(scratch / "old")
        new.rename(destination)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remove_tuned(job: Job, manifests: Mapping[str, Manifest]) -> None:
    """Left alone where no tune wrote it, and where it measured the very artefacts of `manifests`."""
    path = job.out / TUNED_FILE
    with contextlib.suppress(BadInput, FileNotFoundError, IsADirectoryError):
        measured = {name: each.manifest for name, each in read_tuned(path).artefacts.items()}
        shipped = {
            name: hashlib.sha256(each.to_json().encode()).hexdigest() for name, each in manifests.items()
        }
        if measured != shipped:
            path.unlink()
            again = f"edgemed-device tune {job.shown_out}"
            job.reporter.warn(
                f"{TUNED_FILE} is removed: artefacts or their verdicts have changed since; next: {again}"
            )


def _remove_stress(job: Job, judged: Mapping[str, str]) -> None:
    """Left alone where no stress test wrote it, and where the very models that are `judged` answered."""
    with contextlib.suppress(BadInput):
        stress = read_stress(job.out)
        if stress is None:
            return
        answered = {name: digest for name, digest in judged.items() if name not in stress.left_out}
        if stress.models != answered:
            (job.out / STRESS_FILE).unlink()
            again = f"edgemed mr stress {job.shown_out} TASK"
            job.reporter.warn(f"{STRESS_FILE} is removed: the models have changed since; next: {again}")


def _load(folders: list[str]) -> None:
    for folder in folders:
        Session.load_to_judge(Path(folder))
