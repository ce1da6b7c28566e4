"""What an import pulls in, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "torch", "onnx", "onnxruntime", "openvino", "nncf", "scipy", "sklearn", "jinja2", "PIL", "pydicom",
    "nibabel", "nilearn", "safetensors", "pandas",
)  # fmt: skip
COMMANDS = {
    "import edgemed": "import edgemed",
    "edgemed --help": (
        "import contextlib, runpy, sys\nsys.argv = ['edgemed', '--help']\n"
        "with contextlib.suppress(SystemExit):\n    runpy.run_module('edgemed', run_name='__main__')"
    ),
}
MOST_MODULES = 150


@pytest.mark.parametrize(
    "statement",
    [
        "import edgemed",
        "import edgemed.runtime",
        "import edgemed.readers",
        "import edgemed.cli",
        "import edgemed.pipeline",
        "from click.testing import CliRunner; from edgemed.cli import cli\n"
        "print(CliRunner().invoke(cli, ['--help']).output)",
    ],
    ids=["edgemed", "runtime", "readers", "cli", "pipeline", "help"],
)
def test_no_heavy_package_is_imported(statement: str) -> None:
    code = f"{statement}\nimport sys\nprint('imported:', *sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    imported = done.stdout.rpartition("imported:")[2].split()
    assert "edgemed" in imported
    assert set(imported) & set(HEAVY) == set()


@pytest.mark.parametrize(
    "statement", ["import edgemed.runtime", "from edgemed.readers import describe, read_file, read_raw"]
)
def test_devices_import_numpy_and_nothing_else(statement: str) -> None:
    code = f"{statement}; import sys; print(*(name for name, found in sys.modules.items() if found))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for name in set(done.stdout.split()) - set(bare.stdout.split())}
    assert tops - set(sys.stdlib_module_names) == {"edgemed", "numpy"}


@pytest.mark.parametrize("command", COMMANDS)
def test_start_imports_few_modules(command: str) -> None:
    """What a start takes goes with what it imports; the time is shown, not judged: machines differ."""
    count, seconds = _start(COMMANDS[command])
    bare, bare_seconds = _start("")
    more = count - bare
    print(f"{command}: {more} modules and {seconds - bare_seconds:.3f} s more than a bare interpreter")
    assert 0 < more < MOST_MODULES


def _start(code: str) -> tuple[int, float]:
    """Modules imported and seconds of processor time, once `code` is through."""
    told = f"{code}\nimport sys, time\nprint(len(sys.modules), time.process_time())"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    count, seconds = done.stdout.splitlines()[-1].split()
    return int(count), float(seconds)
