"""The engines that `edgemed-device build-engine` keeps: who may write them, and broken ones."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edgemed.errors import EXIT_TOOL_FAILURE, EXIT_UNTRUSTED


@pytest.mark.slow
@pytest.mark.parametrize("file", ["board.engine", "engines.json"])
def test_a_cached_engine_that_was_changed_is_not_loaded_but_built_again(board, file):
    assert board.build().code == 0
    path = board.engines[0] / file
    path.write_bytes(path.read_bytes()[:-40])
    before = len(board.calls)
    assert board.answers().stdout.startswith("Untrusted")
    assert len(board.calls) == before
    assert board.build().code == 0
    assert board.built == 2


@pytest.mark.slow
def test_what_a_removal_that_was_cut_short_left_is_replaced(board):
    assert board.build().code == 0
    (board.engines[0] / "engines.json").unlink()
    done = board.build()
    assert done.code == 0, done.err
    assert board.built == 2
    assert board.answers().stdout.startswith("[[0.")


@pytest.mark.slow
def test_engines_that_others_may_have_written_are_not_loaded(board):
    assert board.build().code == 0
    engine = board.engines[0] / "board.engine"
    before = len(board.calls)
    for path, mode in ((engine, 0o666), (engine.parent, 0o777), (board.cache, 0o775)):
        kept = path.stat().st_mode
        path.chmod(mode)
        told = board.answers().stdout
        assert told.startswith("Untrusted others may have written engines here")
        path.chmod(kept)
    moved = board.home / "moved.engine"
    engine.rename(moved)
    engine.symlink_to(moved)
    assert board.answers().stdout.startswith("Untrusted others may have written engines here")
    assert len(board.calls) == before
    board.cache.chmod(0o777)
    done = board.build()
    assert done.code == EXIT_UNTRUSTED
    assert "EDGEMED_ENGINE_CACHE" in done.err
    assert len(board.calls) == before


@pytest.mark.parametrize("umask", ["0", "077"])
def test_whatever_the_umask_all_may_read_and_only_the_owner_writes(board, umask):
    done = subprocess.run(
        ["sh", "-c", f'umask {umask}; exec "$@"', "sh", *board.command()],
        cwd=board.home, env={**os.environ, **board.env()}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "others may" not in board.answers().stdout
    assert {oct(path.stat().st_mode & 0o777) for path in (board.cache, *board.engines)} == {"0o755"}


def test_a_cache_that_cannot_be_written_is_a_message(board):
    board.cache.write_text("a file")
    done = board.build()
    assert done.code == EXIT_TOOL_FAILURE
    assert "cannot write" in done.err
    assert "EDGEMED_ENGINE_CACHE" in done.err
    assert board.calls == []


def test_a_full_disk_leaves_nothing(board):
    """No file may grow beyond 1 KiB: the engine does not fit, as on a full disk."""
    limit = "import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)); "
    limit += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "sys.argv = ['edgemed-device', 'build-engine', 'kit']; "
    limit += "runpy.run_module('edgemed.device', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", limit], cwd=board.home, env={**os.environ, **board.env()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == EXIT_TOOL_FAILURE
    assert "Traceback" not in done.stderr
    assert "File too large" in done.stderr
    assert board.engines == []
    assert board.left_over() == []
