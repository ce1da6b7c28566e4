"""What a Python file of the user's imports, of theirs and of installed packages, found without running it."""

from __future__ import annotations

import ast
import importlib
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path

_INSTALLED = ("site-packages", "dist-packages")


def code_files(path: Path) -> list[Path]:
    """`path`, then each file outside the standard library and installed packages that it imports, sorted.

    Imports are followed through their own imports, along `sys.path`. What `importlib` is asked for at run
    time, import hooks and data files are not seen; what cannot be found or parsed is left out.
    """
    importlib.invalidate_caches()
    seen: set[Path] = {path.resolve()}
    waiting = [(path.resolve(), "")]
    while waiting:
        file, package = waiting.pop()
        for name in _imported(file, package):
            for found in _located(name):
                if found[0] not in seen:
                    seen.add(found[0])
                    waiting.append(found)
    return [path, *sorted(seen - {path.resolve()})]


def package_versions(path: Path) -> dict[str, str]:
    """Versions by distribution of the installed packages that `path` and its `code_files` name in imports.

    What these packages import themselves is not followed; the standard library is no distribution.
    """
    names = {name.partition(".")[0] for file in code_files(path) for name in _imported(file, "")}
    versions = {}
    for name in sorted(names - sys.stdlib_module_names):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if PathFinder.find_spec(name) and not list(_located(name)):
                others = metadata.packages_distributions().get(name, ())  # slow: reads every distribution
                versions |= {each: metadata.version(each) for each in sorted(set(others))}
    return versions


def _imported(file: Path, package: str) -> Iterator[str]:
    """Absolute names that a file of `package` imports; `from a import b` may mean the module a.b."""
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            if node.level and not all(start):
                continue
            prefix = [*start, *([node.module] if node.module else [])]
            yield from (".".join([*prefix, alias.name]) for alias in node.names)


def _located(name: str) -> Iterator[tuple[Path, str]]:
    """The user's files that importing `a.b.c` runs, each with the package that it belongs to."""
    folders: list[str] | None = None
    parts = name.split(".")
    for index, part in enumerate(parts):
        spec = PathFinder.find_spec(part, folders)
        if spec is None:
            return
        inside = spec.submodule_search_locations
        if spec.origin is not None and spec.has_location:
            file = Path(spec.origin).resolve()
            if not _is_own(file):
                return
            yield file, ".".join(parts[: index + (inside is not None)])
        if inside is None:
            return
        folders = list(inside)


def _is_own(file: Path) -> bool:
    if any(part in _INSTALLED for part in file.parts):
        return False
    installed = {Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    installed.add(Path(sys.base_prefix, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}"))
    return not any(file.is_relative_to(folder.resolve()) for folder in installed)
