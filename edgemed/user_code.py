"""Python files of the user's: run by their path, as modules that hide nothing."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType


@contextlib.contextmanager
def no_exit() -> Iterator[None]:
    """`sys.exit`, which argparse calls too, ends no process here: it becomes a `RuntimeError`."""
    try:
        yield
    except SystemExit as end:
        raise RuntimeError(
            f"it ends the program (SystemExit {end.code}); keep what runs a script under "
            'if __name__ == "__main__"'
        ) from None


def run_file(path: Path) -> ModuleType:
    """The module of a Python file, under a name of its own: `sys.path` is not touched, `nt.py` hides nothing.

    Whatever the file raises is raised here; nothing of it stays then.
    """
    code = path.read_bytes()
    name = f"edgemed_user_{hashlib.sha256(str(path.resolve()).encode() + code).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with no_exit():
            exec(compile(code, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def import_remedy(error: Exception, file: str) -> str:
    """What to do where `file` (as the user wrote it) cannot be run; empty where its own line says it."""
    if not isinstance(error, ModuleNotFoundError):
        return ""
    return (
        f"install {error.name}; where it is a file of yours, run with PYTHONPATH=FOLDER (the folder "
        f"that it lies in) or put everything into {file}: the folder of {file} is not searched"
    )
