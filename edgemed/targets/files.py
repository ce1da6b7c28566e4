"""Where target files lie: in edgemed, in folders of the user's, in installed packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from edgemed.data_folder import data_folder
from edgemed.errors import BadInput, ToolFailure

ENTRY_POINT = "edgemed.targets"


def target_files(paths: Sequence[Path] = ()) -> dict[str, Path]:
    """The file of each target by its name: edgemed's own, those in the folders `paths`, those of packages.

    A package offers targets by an entry point of the group `edgemed.targets`. Its value is the importable
    name of the package whose folder holds the `.toml` files; it is looked up, not imported. Raises `BadInput`
    where a path is no folder or two files have one name, `ToolFailure` for a broken entry point.
    """
    found: dict[str, Path] = {}
    for folder in (data_folder("targets"), *map(_folder, paths), *_folders_of_packages()):
        for path in sorted(folder.glob("*.toml")):
            first = found.setdefault(path.stem, path)
            if first.resolve() != path.resolve():
                raise BadInput(
                    f"two targets have the name {path.stem!r}",
                    where=f"{first} and {path}",
                    remedy="rename one of the files, or give its path instead of the name",
                )
    return found


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise BadInput(
            "not a folder",
            where=f"--targets-path {path}",
            remedy="give the folder that holds your target files",
        )
    return path


def _folders_of_packages() -> Iterator[Path]:
    for point in metadata.entry_points(group=ENTRY_POINT):
        top, *inside = point.value.split(".")  # looking up a dotted name would import what it lies in
        try:
            spec = find_spec(top)
        except (ImportError, ValueError):
            spec = None
        found = None if spec is None else spec.submodule_search_locations
        places = [Path(place, *inside) for place in found or ()]
        if not any(place.is_dir() for place in places):
            package = point.dist.name if point.dist else point.name
            raise ToolFailure(
                f"the entry point {ENTRY_POINT} of {package} names no folder: {point.value}",
                where=package,
                remedy=f"pip install --force-reinstall {package}, or pip uninstall {package}",
            )
        yield from places
