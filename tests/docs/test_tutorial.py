"""The README's way from a scanner's files to an artefact, command by command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("h5py", reason="raw MR files need h5py: pip install 'edgemed[mr]'")
README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_from_an_h5_of_a_scanner_to_an_artefact(tmp_path: Path) -> None:
    section = README[README.index("### From an .h5") :]
    section = section[: section.index("\n## ")]
    commands = re.findall(r"^```bash\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    assert len(commands) == 5
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", "\n".join(commands)],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=550, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout

    training = json.loads((tmp_path / "trained" / "training.json").read_text(encoding="utf-8"))
    (auc,) = (each for each in training["figures"] if each["measure"] == "AUC")
    assert auc["networks"][0] > 0.88
    assert auc["networks"][0] > auc["linear"] - 0.03
    report = json.loads((tmp_path / "out-mr" / "report.json").read_text(encoding="utf-8"))
    manifest = json.loads(
        (tmp_path / "out-mr" / "artefacts" / report["best"] / "manifest.json").read_text(encoding="utf-8")
    )
    assert manifest["inputs"][0]["acquisition"]["protocol"] == "ir-cpmg-a"
    assert (tmp_path / "out-mr" / "tuned.json").is_file()
    assert "stress" in (tmp_path / "out-mr" / "report.html").read_text(encoding="utf-8").lower()
    assert "lesion: " in done.stdout.rstrip().splitlines()[-1]

    (example,) = re.findall(r"^```python\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    answer = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("{'lesion': array(")
