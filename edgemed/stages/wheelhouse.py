"""A wheelhouse: all that `pip install --no-index --find-links` needs of a model on one kind of device."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.disk import disk_failure, flush, flush_one
from edgemed.errors import BadInput, ToolFailure
from edgemed.stages.device_python import DevicePython
from edgemed.stages.pip import run_pip

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def check_is_free(folder: Path) -> None:
    """Raises `BadInput` where something is there: nothing is mixed with it, or written over."""
    if folder.exists() or folder.is_symlink():
        raise BadInput(f"{folder} exists", where="--wheelhouse", remedy="name another folder, or remove it")


def collect(
    folder: Path,
    model: str,
    device: DevicePython,
    write: Collection[Callable[[Path], Path]],
    tell: Callable[[str], None],
) -> list[Path]:
    """What `pip install --no-index --find-links folder model` needs on `device`, as the new folder `folder`.

    Each of `write` puts a wheel into a folder: these are asked of no index. `model` is a requirement, such as
    `chest-xray[images]`. `tell` is given a line for each step. `folder` is there whole or not at all. Gives
    its files. Raises `BadInput` where the folder is there, `Unavailable` without pip, `ToolFailure` where it
    finds no such wheels or the disk refuses.
    """
    check_is_free(folder)
    part = folder.with_name(f".{folder.name}.{os.urandom(6).hex()}.part")
    try:
        part.mkdir(parents=True)
        try:
            for each in write:
                each(part)
            _complete(part, model, device, tell)
            flush(part)
            part.replace(folder)
            flush_one(folder.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise disk_failure(error, folder, "free some space and run the same command again") from None
    return sorted(folder.iterdir())


def _complete(folder: Path, model: str, device: DevicePython, tell: Callable[[str], None]) -> None:
    """Download until nothing is missing: pip goes by the markers of its own Python, not of `device`."""
    asked: list[str] = []
    while missing := unmet(folder, model, device):
        if not set(missing) - set(asked):
            raise ToolFailure(
                f"pip brought no {', '.join(missing)} for {device}",
                remedy="pip install --upgrade pip, and the same command again",
            )
        asked += missing
        _download(folder, asked, device, tell)


def unmet(folder: Path, model: str, device: DevicePython) -> list[str]:
    """Requirements of `model`, and of all that it needs on `device`, that no wheel in `folder` meets."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name, parse_wheel_filename

    held = [(*parse_wheel_filename(path.name)[:2], path) for path in sorted(folder.glob("*.whl"))]
    missing, seen, left = [], set(), [Requirement(model)]
    while left:
        asked = left.pop(0)
        if (key := f"{canonicalize_name(asked.name)}{sorted(asked.extras)}{asked.specifier}") in seen:
            continue
        seen.add(key)
        fitting = [
            path
            for name, version, path in held
            if name == canonicalize_name(asked.name) and asked.specifier.contains(version, prereleases=True)
        ]
        if fitting:
            left += _needs(fitting[-1], asked.extras, device)
        else:
            missing.append(str(asked))
    return missing


def own_needs(extras: Collection[str], device: DevicePython) -> list[str]:
    """What edgemed's own wheel, with these extras, asks for there."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("edgemed") or ()
    except PackageNotFoundError:
        raise ToolFailure("edgemed is not installed as a package", remedy="pip install it") from None
    return [str(need) for need in _fitting(lines, extras, device)]


def _needs(wheel: Path, extras: Collection[str], device: DevicePython) -> Iterator[Requirement]:
    """What a wheel asks for there."""
    from packaging.metadata import parse_email

    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        raw, _ = parse_email(archive.read(name))
    return _fitting(raw.get("requires_dist", ()), extras, device)


def _fitting(lines: Iterable[str], extras: Collection[str], device: DevicePython) -> Iterator[Requirement]:
    """Of the requirements of a wheel those that count there, without markers."""
    from packaging.requirements import Requirement

    for line in lines:
        need = Requirement(line)
        environments = [{**device.markers, "extra": extra} for extra in ("", *extras)]
        if need.marker is None or any(need.marker.evaluate(each) for each in environments):
            need.marker = None
            yield need


def _download(folder: Path, asked: list[str], device: DevicePython, tell: Callable[[str], None]) -> None:
    tags = [
        f"--abi=cp{device.version.replace('.', '')}",
        *(f"--platform={each}" for each in device.platforms),
    ]
    python = ["--implementation=cp", f"--python-version={device.version}", *tags]
    tell(", ".join(asked))
    run_pip(
        ["download", "--only-binary=:all:", f"--dest={folder}", *python, *asked],
        f"pip downloads no wheels for {device}",
        tell,
        "else another --python, or --runtime",
    )
