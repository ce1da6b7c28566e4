"""`edgemed-device`: what it imports. `tests/architecture/test_wheel.py` runs it from the wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_imports_numpy_and_nothing_else() -> None:
    code = (
        "import sys\nfrom edgemed.device.command import run\nimport edgemed.device.tune\n"
        "try:\n    run(['tune', '--help'])\nexcept SystemExit:\n    pass\n"
        "print('imported:', *(name for name, found in sys.modules.items() if found))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    imported = done.stdout.rpartition("imported:")[2].split()
    tops = {name.partition(".")[0] for name in set(imported) - set(bare.stdout.split())}
    assert tops - {*sys.stdlib_module_names, "__mp_main__"} == {"edgemed", "numpy"}
