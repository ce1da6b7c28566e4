"""Sets of simulated signals as files that a recipe can name: one .npz each, or MRD files with a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from edgemed.disk import disk_failure, write_whole
from edgemed.mr.mrd_file import write_mrd
from edgemed.mr.simulate import SimulatedSignals, simulate
from edgemed.mr.task import Task
from edgemed.types import RawSignal

Form = Literal["npz", "mrd"]
Progress = Callable[[str, int, int], None]
"""Name of the set, subjects done, of how many."""
BATCH = 100
_NUMBERED = re.compile(r"[0-9]{5,}\.h5")
TABLE = ("path", "lesion", "lesion_ml", "hyperintensity_ml", "patient")


@dataclass(frozen=True)
class Plan:
    """`counts` subjects by name of the set, drawn one after the other: no two sets share a subject.

    Sets named in `clean` have no noise, which a training draws anew in each epoch.
    """

    task: Task
    counts: Mapping[str, int]
    seed: int
    form: Form = "npz"
    clean: frozenset[str] = frozenset()

    def describe(self, name: str) -> str:
        """The task in words, for the set `name`."""
        return self.task.describe() + (" Written WITHOUT its noise." if name in self.clean else "")

    def files(self, out: Path) -> tuple[Path, ...]:
        """What a recipe names: OUT/NAME.npz, or the tables OUT/NAME.csv."""
        suffix = "npz" if self.form == "npz" else "csv"
        return tuple(out / f"{name}.{suffix}" for name in self.counts)

    def there(self, out: Path) -> tuple[Path, ...]:
        """What would be written over: files, and folders of MRD files."""
        folders = [out / name for name in self.counts] if self.form == "mrd" else []
        return tuple(path for path in (*self.files(out), *folders) if path.exists())


def write_sets(plan: Plan, out: Path, progress: Progress = lambda name, done, of: None) -> tuple[Path, ...]:
    """Simulate and write each set, see `Plan.files`; MRD files are OUT/NAME/00000.h5 and so on. Those of an
    earlier, larger set are removed, and its table first: no table ever names files of another set.

    An .npz has `signal` complex64 (n, shots, echoes, samples, 1), `lesion` 0 or 1, `lesion_ml` and
    `hyperintensity_ml` in mL, `patient` (seed and number of the simulated head), and how signals were taken:
    the fields of `Acquisition`. `simulated` is the task in words.
    A table has the columns `TABLE`. Raises `BadInput` for counts below 1, `ToolFailure` where a file cannot
    be written, and what `simulate` raises.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_failure(error, out) from None
    write = _write_npz if plan.form == "npz" else _write_mrd
    first = 0
    files = plan.files(out)
    for path, (name, count) in zip(files, plan.counts.items(), strict=True):
        batches = _batches(plan, name, first, progress)
        try:
            write(path, plan, batches)
        except OSError as error:
            raise disk_failure(error, path) from None
        first += count
    return files


def _batches(plan: Plan, name: str, first: int, progress: Progress) -> Iterator[SimulatedSignals]:
    count, clean = plan.counts[name], name in plan.clean
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        made = simulate(plan.task, size, plan.seed, first=first + start, keep_clean=clean)
        yield made if made.clean is None else replace(made, signals=made.clean)
        progress(name, start + size, count)


def _write_npz(path: Path, plan: Plan, batches: Iterator[SimulatedSignals]) -> None:
    seed = plan.seed
    parts = list(batches)
    arrays = {
        "signal": np.concatenate([each.signals for each in parts]),
        "lesion": np.concatenate([each.lesion for each in parts]),
        "lesion_ml": np.concatenate([each.lesion_ml for each in parts]),
        "hyperintensity_ml": np.concatenate([each.hyperintensity_ml for each in parts]),
        "patient": np.array([f"{seed}-{number}" for each in parts for number in each.subject]),
        **{name: np.array(value) for name, value in parts[0].acquisition.to_dict().items()},
        "simulated": np.array(plan.describe(path.stem)),
    }
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    write_whole(path, file.getvalue())


def _write_mrd(path: Path, plan: Plan, batches: Iterator[SimulatedSignals]) -> None:
    folder = path.with_suffix("")
    folder.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(TABLE)
    number = 0
    for batch in batches:
        for row, samples in enumerate(batch.signals):
            file = folder / f"{number:05d}.h5"
            subject = f"{plan.seed}-{batch.subject[row]}"
            write_mrd(file, RawSignal(samples, batch.acquisition), subject=f"simulated {subject}")
            writer.writerow(
                (
                    f"{folder.name}/{file.name}",
                    int(batch.lesion[row]),
                    repr(float(batch.lesion_ml[row])),
                    repr(float(batch.hyperintensity_ml[row])),
                    subject,
                )
            )
            number += 1
    for file in folder.iterdir():
        if _NUMBERED.fullmatch(file.name) and int(file.stem) >= number:
            file.unlink()
    write_whole(path, table.getvalue())
