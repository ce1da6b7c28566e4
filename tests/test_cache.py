"""Stages on disk: found again, made again, never half finished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edgemed.cache import StageCache
from edgemed.errors import BadInput, DiskFull

NEEDS = {"graph": "abc", "seed": 3}


class Maker:
    """Writes `answer` and counts its calls."""

    def __init__(self, answer: str = "42") -> None:
        self.answer = answer
        self.calls = 0

    def __call__(self, folder: Path) -> tuple[float, dict[str, str]]:
        self.calls += 1
        (folder / "result").write_text(self.answer)
        return 12.5, {"said": self.answer}


@pytest.fixture
def cache(tmp_path: Path) -> StageCache:
    return StageCache(tmp_path / "cache")


def _entries(cache: StageCache) -> list[str]:
    return sorted(path.name for path in cache.root.iterdir())


def test_a_stage_is_made_once(cache: StageCache):
    make = Maker()
    assert cache.find("quantise", NEEDS) is None
    made = cache.run("quantise", NEEDS, make)
    found = StageCache(cache.root).run("quantise", dict(reversed(NEEDS.items())), make)
    assert make.calls == 1
    assert (made.cached, found.cached) == (False, True)
    assert (found.folder / "result").read_text() == "42"
    assert (found.seconds, found.peak_mib, found.facts) == (made.seconds, 12.5, {"said": "42"})
    assert (found.folder, found.key, found.name) == (made.folder, made.key, "quantise")


@pytest.mark.parametrize("change", [{"seed": 4}, {"graph": "abd"}, {"more": None}, {"seed": "3"}])
def test_a_changed_dependency_makes_it_again_and_keeps_the_other(cache: StageCache, change: dict):
    make = Maker()
    cache.run("quantise", NEEDS, make)
    assert not cache.run("quantise", NEEDS | change, make).cached
    assert make.calls == 2
    assert cache.run("quantise", NEEDS, make).cached


def test_stages_of_other_names_are_apart(cache: StageCache):
    make = Maker()
    cache.run("quantise", NEEDS, make)
    cache.run("float16", NEEDS, make)
    assert make.calls == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, BadInput("no"), MemoryError])
def test_an_interrupted_stage_leaves_nothing(cache: StageCache, error: type[BaseException]):
    def make(folder: Path):
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        cache.run("quantise", NEEDS, make)
    assert _entries(cache) == []
    assert not cache.run("quantise", NEEDS, Maker()).cached


@pytest.mark.parametrize("text", ["", "{", '{"seconds": 1.0', "{}", "[]", "null", '{"seconds": 1}', "\0"])
def test_a_broken_stage_file_is_made_again(cache: StageCache, text: str):
    folder = cache.run("quantise", NEEDS, Maker("old")).folder
    (folder / "stage.json").write_text(text)
    (folder / "stale").write_text("left over")
    assert cache.find("quantise", NEEDS) is None
    again = cache.run("quantise", NEEDS, Maker("new"))
    assert not again.cached
    assert sorted(path.name for path in again.folder.iterdir()) == ["result", "stage.json"]
    assert (again.folder / "result").read_text() == "new"


def test_a_folder_without_a_stage_file_is_made_again(cache: StageCache):
    folder = cache.run("quantise", NEEDS, Maker("old")).folder
    (folder / "stage.json").unlink()
    assert cache.run("quantise", NEEDS, Maker("new")).facts == {"said": "new"}


def _flip(path: Path, at: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: _flip(folder / "result"),
        lambda folder: _flip(folder / "below/more"),
        lambda folder: (folder / "below/more").unlink(),
        lambda folder: (folder / "result").write_text(""),
        lambda folder: (folder / "below/stray").write_text("x"),
    ],
    ids=["flipped", "flipped below", "deleted", "cut", "stray"],
)
def test_a_stage_whose_files_changed_is_made_again(cache: StageCache, spoil):
    def make(folder: Path):
        (folder / "below").mkdir()
        (folder / "below" / "more").write_text("more")
        return Maker()(folder)

    folder = cache.run("quantise", NEEDS, make).folder
    assert cache.find("quantise", NEEDS)
    spoil(folder)
    assert cache.find("quantise", NEEDS) is None
    assert not cache.run("quantise", NEEDS, make).cached
    assert cache.run("quantise", NEEDS, make).cached
    assert {path.name for path in folder.rglob("*")} == {"stage.json", "result", "below", "more"}


def test_no_flipped_bit_of_a_stage_file_goes_unseen(cache: StageCache):
    """Where the JSON stays readable too: another figure, another key."""
    path = cache.run("quantise", NEEDS, Maker()).folder / "stage.json"
    whole = path.read_bytes()
    facts = json.loads(whole)
    for at in range(len(whole)):
        _flip(path, at)
        found = cache.find("quantise", NEEDS)
        assert found is None or json.loads(path.read_bytes()) == facts, at
        path.write_bytes(whole)
    assert cache.find("quantise", NEEDS)


@pytest.mark.parametrize("key", ["files", "sha256"])
def test_a_stage_file_of_an_older_version_is_made_again(cache: StageCache, key: str):
    path = cache.run("quantise", NEEDS, Maker()).folder / "stage.json"
    done = json.loads(path.read_text())
    del done[key]
    path.write_text(json.dumps(done))
    assert cache.find("quantise", NEEDS) is None


def test_one_at_a_time(cache: StageCache):
    second = StageCache(cache.root).alone(Path("out"))
    refused = pytest.raises(BadInput, match="another edgemed is writing to this folder")
    with cache.alone(Path("out")), refused as caught, second:
        raise AssertionError("two held the lock")
    assert caught.value.where == "--out out"
    with cache.alone(Path("out")):
        assert not cache.run("quantise", NEEDS, Maker()).cached


def test_a_killed_run_holds_no_lock_and_its_scratch_goes(cache: StageCache):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom edgemed.cache import StageCache\n"
        "cache = StageCache(Path(sys.argv[1]))\n"
        "def make(folder):\n"
        "    (folder / 'half').write_text('half')\n    os.kill(os.getpid(), 9)\n"
        "with cache.alone(Path('out')):\n"
        "    cache.run('graph', {}, lambda folder: (None, {}))\n    cache.run('quantise', {}, make)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(cache.root)], timeout=60, check=False)
    assert done.returncode == -9
    assert [path.name for path in cache.root.glob(".quantise-*/*")] == ["half"]
    with cache.alone(Path("out")):
        assert [name.partition("-")[0] for name in _entries(cache)] == ["graph", "lock"]
        assert cache.find("graph", {})


def test_two_runs_at_once_give_one_whole_result(cache: StageCache):
    """The first to finish is kept; the second does not pull the folder from under its reader."""
    together = threading.Barrier(2)
    stages = []

    def make(folder: Path):
        (folder / "result").write_text("42")
        together.wait(20)
        return None, {}

    def run() -> None:
        stages.append(StageCache(cache.root).run("quantise", NEEDS, make))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [stage.cached for stage in stages] == [False, False]
    assert len(_entries(cache)) == 1
    assert all((stage.folder / "result").read_text() == "42" for stage in stages)


def test_the_first_of_two_runs_keeps_its_files(cache: StageCache):
    nodes = []

    def make(folder: Path):
        first = cache.run("quantise", NEEDS, Maker("first")).folder / "result"
        nodes.append(first.stat().st_ino)
        return Maker("second")(folder)

    stage = cache.run("quantise", NEEDS, make)
    assert [(stage.folder / "result").stat().st_ino] == nodes
    assert len(_entries(cache)) == 1


@pytest.fixture
def full_disk(tmp_path: Path):
    """A file system of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_told_and_finished_stages_stay(full_disk: Path):
    cache = StageCache(full_disk)
    cache.run("graph", NEEDS, Maker())

    def make(folder: Path):
        (folder / "large").write_bytes(bytes(2 << 20))
        return None, {}

    with pytest.raises(DiskFull, match="the disk is full") as caught:
        cache.run("quantise", NEEDS, make)
    assert "run the same command again" in caught.value.remedy
    assert [name.split("-")[0] for name in _entries(cache)] == ["graph"]
    assert cache.run("graph", NEEDS, Maker()).cached
