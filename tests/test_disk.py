"""Writing: whole or not at all, and what a failure means."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from edgemed.disk import disk_failure, new_part, write_whole
from edgemed.errors import DiskFull, ToolFailure


def test_a_text_replaces_the_one_before_and_nothing_else_is_left(tmp_path: Path):
    (tmp_path / "a.json").write_text("before")
    write_whole(tmp_path / "a.json", "now\nµ")
    assert (tmp_path / "a.json").read_bytes() == "now\nµ".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_what_fails_leaves_what_was_there(tmp_path: Path):
    (tmp_path / "a.json").write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "a.json", "half of it, then \ud800")
    assert (tmp_path / "a.json").read_text() == "before"
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_whole(tmp_path / "taken", "text")
    assert caught.value.filename == str(tmp_path / "taken")
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "a.json", "text")
    assert {path.name for path in tmp_path.iterdir()} == {"a.json", "taken"}


@pytest.mark.parametrize("below", ["", "more"])
def test_a_file_in_the_place_of_a_folder_is_told(tmp_path: Path, below: str):
    (tmp_path / "out").touch()
    with pytest.raises(OSError, match=r"exists|Not a directory") as caught:
        (tmp_path / "out" / below).mkdir(parents=True, exist_ok=True)
    failure = disk_failure(caught.value, Path("out"))
    assert failure.remedy == "a file stands where a folder is needed: name another folder, or move the file"


def test_a_failed_write_says_why():
    failure = disk_failure(PermissionError(errno.EACCES, "Permission denied", "out/x"), Path("out"))
    assert type(failure) is ToolFailure
    assert (failure.problem, failure.where) == ("cannot write: Permission denied", "out/x")
    full = disk_failure(OSError(errno.ENOSPC, ""), Path("out"))
    assert type(full) is DiskFull
    assert "finished stages are reused" in full.remedy
    for number in (errno.ENOSPC, errno.EROFS):
        assert disk_failure(OSError(number, ""), Path("out"), "another folder").remedy == "another folder"


def test_a_folder_that_is_not_there_is_told_by_the_name_that_was_asked_for(tmp_path: Path):
    path = tmp_path / "none" / "model.edgemed"
    with pytest.raises(FileNotFoundError) as caught:
        new_part(path)
    failure = disk_failure(caught.value, tmp_path)
    assert failure.where == str(path)
    assert failure.remedy == "make the folder first, or name another"
