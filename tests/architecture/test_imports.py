"""What an import pulls in, and what it costs."""

from __future__ import annotations

import resource
import statistics
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
    "import edgemed": ["-c", "import edgemed"],
    "edgemed --help": ["-m", "edgemed", "--help"],
}
LIMIT_S = 0.3


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


@pytest.mark.parametrize("package", ["runtime", "readers"])
def test_devices_import_numpy_and_nothing_else(package: str) -> None:
    code = f"import edgemed.{package}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    tops = {name.partition(".")[0] for name in set(done.stdout.split()) - set(bare.stdout.split())}
    assert tops - set(sys.stdlib_module_names) == {"edgemed", "numpy"}


@pytest.mark.parametrize("command", COMMANDS)
def test_start_takes_little_more_than_a_bare_interpreter(command: str) -> None:
    """A promise to users. Medians of turns; a busy machine gets three chances."""
    extra = [_extra_s(COMMANDS[command])]
    while extra[-1] >= LIMIT_S and len(extra) < 3:
        extra.append(_extra_s(COMMANDS[command]))
    print(f"{command}: {extra[-1]:.3f} s more than a bare interpreter")
    assert min(extra) < LIMIT_S, f"{command} takes {min(extra):.3f} s more than a bare interpreter"


def _extra_s(arguments: list[str], turns: int = 7) -> float:
    """Processor time: what else runs on the machine does not count."""
    with_it, bare = [], []
    for _ in range(turns):
        with_it.append(_processor_s(arguments))
        bare.append(_processor_s(["-c", "pass"]))
    return statistics.median(with_it) - statistics.median(bare)


def _processor_s(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
