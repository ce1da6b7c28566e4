"""Whatever bytes come, readers answer with edgemed's own errors: a minute of atheris, 5 in `make campaign`.

Inputs follow from the seed; how many there are in the time, from the machine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from edgemed.bundle.trust import TrustStore

HERE = Path(__file__).parent
SECONDS = {"bundle": 36, "trust": 8, "golden": 16}
CAMPAIGN = 5
MOST_MIB = 512
MOST_SECONDS_FOR_ONE = 20
_MEMORY = Path("/dev/shm")
"""Where it is there: half of the time would be the disk's."""


@pytest.fixture
def corpus() -> Iterator[Path]:
    """An empty folder `corpus` in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as work:
        folder = Path(work) / "corpus"
        folder.mkdir()
        yield folder


def seed(kind: str, folder: Path, bundle, lab, other) -> None:
    if kind == "bundle":
        for golden in (HERE / "golden").iterdir():
            shutil.copy(golden, folder)
        for keys in ((), (lab,), (lab, other)):
            bundle.write(folder / f"{len(keys)} keys", *keys)
    elif kind == "trust":
        store = TrustStore().with_key("lab", lab.public)
        (folder / "one").write_text(store.to_json())
        two = store.with_key("other", other.public).revoked("other", "lost")
        (folder / "two").write_text(TrustStore(two.keys, {"chest-xray": 3}).to_json())
    else:
        arrays = {
            "in.image": np.zeros((3, 4, 4), np.uint8),
            "in.age": np.ones((3, 1), np.float32),
            "out.finding": np.full((3, 1), 0.5, np.float32),
        }
        np.savez(folder / "stored.npz", **arrays)
        np.savez_compressed(folder / "deflated.npz", **arrays)


@pytest.mark.slow
@pytest.mark.timeout(max(SECONDS.values()) * CAMPAIGN + 600)
@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed: pip install atheris")
@pytest.mark.parametrize("kind", SECONDS)
def test_a_reader_answers_whatever_it_is_given(kind, corpus, bundle, lab, other, tmp_path):
    seed(kind, corpus, bundle, lab, other)
    seeds = len(list(corpus.iterdir()))
    longer = CAMPAIGN if settings.get_current_profile_name() == "campaign" else 1
    options = [
        f"-max_total_time={SECONDS[kind] * longer}", "-seed=6", f"-rss_limit_mb={MOST_MIB}",
        f"-timeout={MOST_SECONDS_FOR_ONE}", "-max_len=65536", f"-artifact_prefix={tmp_path}/",
        "-print_final_stats=1",
    ]  # fmt: skip
    # a shell forks: else libFuzzer counts the memory of the process that runs the tests as its own
    done = subprocess.run(
        [
            "sh", "-c", '"$@"; exit "$?"', "sh",
            sys.executable, HERE / "fuzz/reading.py", kind, corpus.parent, *options,
        ],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    told = done.stderr[-3000:]
    assert done.returncode == 0, f"the input is in {tmp_path}\n{done.stdout[-2000:]}\n{told}"
    inputs = re.search(r"number_of_executed_units: (\d+)", told)
    assert inputs, told
    assert int(inputs[1]) > seeds, "nothing but the seeds was read"
    assert (corpus.parent / "accepted").exists(), "no input but the seeds got behind the checks"
