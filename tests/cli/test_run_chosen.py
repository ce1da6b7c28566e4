"""Which artefact `edgemed run` takes from a folder, and what it says where it cannot tell."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from artefacts import write_tuned

NAMES = ("artefacts/first", "artefacts/second")


@pytest.fixture
def copied(site, artefact):
    """Artefacts on a device, without the compile's report, and one sample for them."""
    net, folder = artefact("cnn1d")
    for name in NAMES:
        shutil.copytree(folder, site / "pi" / name)
    np.savez(site / "one.npz", **{name: array[0] for name, array in net.batch(1, seed=3).items()})
    return site


@pytest.mark.parametrize("arguments", [("run", "pi", "one.npz"), ("inspect", "pi"), ("bench", "pi")])
def test_before_a_tune_the_next_step_is_one(copied, arguments):
    copied.run(*arguments).refused(2, "artefacts without their compile's report", "edgemed-device tune pi")


def test_who_chose_the_artefact_is_said_once(copied):
    write_tuned(copied / "pi", NAMES)
    done = copied.run("run", "pi", "one.npz")
    assert done.code == 0, done.err
    assert done.err == "artefact: second, chosen by edgemed-device tune (tuned.json)\n"
    itself = copied.run("run", "pi/artefacts/second", "one.npz")
    assert (itself.code, itself.out, itself.err) == (0, done.out, "")
