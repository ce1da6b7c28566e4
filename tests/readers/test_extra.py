"""What the readers import, and what they say where a decoder is missing."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgemed.errors import Unavailable
from edgemed.readers import open_set
from edgemed.types import InputSpec


def test_importing_the_readers_imports_no_decoder() -> None:
    script = (
        "import sys; from edgemed.readers import Notes, describe, open_set, read_file, read_raw; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "numpy" in run.stdout.split()
    assert not {"PIL", "pydicom", "nibabel", "torch", "onnx", "scipy", "click"} & set(run.stdout.split())


@pytest.mark.parametrize(
    ("package", "file"), [("PIL", "a.png"), ("pydicom", "a.dcm"), ("nibabel", "a.nii.gz")]
)
def test_a_missing_package_is_named_and_never_skipped(
    tmp_path: Path, uninstall: Callable[[str], None], package: str, file: str
) -> None:
    uninstall(package)
    (tmp_path / file).touch()
    data = open_set(".", [InputSpec("image", "uint8", (8, 8), "HW")], [], base=tmp_path, skip_bad=True)
    with pytest.raises(Unavailable, match=package) as caught:
        list(data)
    assert caught.value.remedy == "pip install 'edgemed[images]'"
