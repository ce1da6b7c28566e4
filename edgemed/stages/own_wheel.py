"""edgemed's own wheel, for a device: from the checkout that runs, or from what an installed wheel left."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

import edgemed
from edgemed.bundle.writer import pieces_of
from edgemed.errors import ToolFailure
from edgemed.stages.pip import run_pip
from edgemed.stages.wheel_file import record_digest, write_wheel_file

_OF_THE_INSTALLATION = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
_AGAIN = "install edgemed again, from its wheel or its checkout"


def write_own_wheel(folder: Path) -> Path:
    """The wheel of the edgemed that is running, in `folder`.

    A checkout (an editable installation too) is built by pip, which fetches hatchling for it; of an installed
    wheel the files are put together again, each compared with its digest in RECORD. Raises `ToolFailure`
    where a file is not as it was installed, or pip fails.
    """
    root = Path(edgemed.__file__).resolve().parents[1]
    return _built(root, folder) if (root / "pyproject.toml").is_file() else _put_together(root, folder)


def _built(root: Path, folder: Path) -> Path:
    run_pip(
        ["wheel", "--no-deps", f"--wheel-dir={folder}", str(root)],
        "edgemed's own wheel was not built",
        lambda line: None,
        f"see what it says: pip wheel --no-deps {root}",
    )
    (built,) = folder.glob("edgemed-*.whl")
    return built


def _put_together(root: Path, folder: Path) -> Path:
    try:
        installed = metadata.distribution("edgemed")
    except metadata.PackageNotFoundError:
        raise ToolFailure("edgemed is not installed as a package", where=str(root), remedy=_AGAIN) from None
    info = f"edgemed-{installed.version}.dist-info"
    names = {each.as_posix(): each for each in installed.files or ()}
    if f"{info}/WHEEL" not in names or Path(str(installed.locate_file(""))).resolve() != root:
        raise ToolFailure("pip did not install the edgemed that is running", where=str(root), remedy=_AGAIN)
    contents = {}
    for name in sorted(names, key=lambda name: (name.startswith(info), name)):
        top, _, rest = name.partition("/")
        if top not in ("edgemed", info) or rest in _OF_THE_INSTALLATION or name.endswith(".pyc"):
            continue
        place, listed = root / name, names[name].hash
        if listed is None or _digest(place) != listed.value:
            raise ToolFailure("it is not as it was installed", where=str(place), remedy=_AGAIN)
        contents[name] = pieces_of(place)
    path = folder / f"edgemed-{installed.version}-py3-none-any.whl"
    write_wheel_file(path, info, contents)
    return path


def _digest(place: Path) -> str:
    try:
        return record_digest(hashlib.sha256(place.read_bytes()).digest())
    except OSError:
        return ""
