"""`edgemed-device`: what it imports. `tests/architecture/test_wheel.py` runs it from the wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgemed.device.command import run, run_bundle
from edgemed.errors import EXIT_BAD_INPUT, EXIT_DONE

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


def test_the_trust_store_is_printed_as_json_wherever_it_is_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EDGEMED_TRUST", str(tmp_path / "trust.json"))
    for asked in (["--json"], ["--json", "list"], ["list", "--json"]):
        assert run(["trust", *asked]) == EXIT_DONE
        assert json.loads(capsys.readouterr().out)["keys"] == {}


def test_a_models_own_command_asks_for_a_file_alone(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run_bundle(tmp_path / "model.edgemed", ["--help"], prog="chest_xray")
    told = capsys.readouterr().out
    assert told.startswith("usage: chest_xray [-h] [--unsigned] [--json] FILE\n")
    assert run_bundle(tmp_path / "model.edgemed", ["new.png"], prog="chest_xray") == EXIT_BAD_INPUT
