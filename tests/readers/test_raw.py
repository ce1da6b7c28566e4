"""Which reader takes a file, and what is said where none can."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgemed.errors import BadInput, Unavailable
from edgemed.readers.raw import RAW_READERS, read_raw


@pytest.mark.parametrize("suffix", RAW_READERS)
def test_a_file_of_garbage_is_refused_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix.upper()}"
    for content in (b"", b"\0" * 4096, b"PK\x03\x04garbage", b"\x89HDF\r\n\x1a\n" + b"\xff" * 600):
        path.write_bytes(content)
        with pytest.raises(BadInput) as caught:
            read_raw(path)
        assert str(tmp_path) not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        read_raw(tmp_path / "a.h5")


def test_another_format_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    (tmp_path / "a.dat").touch()
    with pytest.raises(BadInput, match="not known") as caught:
        read_raw(tmp_path / "a.dat")
    assert caught.value.remedy == "known: .h5, .mrd, .mat, .npz"


@pytest.mark.parametrize(("package", "name"), [("h5py", "a.h5"), ("scipy", "a.mat")])
def test_a_missing_package_is_named(
    tmp_path: Path, uninstall: Callable[[str], None], package: str, name: str
) -> None:
    uninstall(package)
    (tmp_path / name).touch()
    with pytest.raises(Unavailable, match=package) as caught:
        read_raw(tmp_path / name)
    assert caught.value.remedy == "pip install 'edgemed[raw]'"


def test_importing_the_raw_readers_imports_no_decoder() -> None:
    script = (
        "import sys, edgemed.readers.raw; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "numpy" in run.stdout.split()
    assert not {"h5py", "scipy", "torch", "ismrmrd"} & set(run.stdout.split())
