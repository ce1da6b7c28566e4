"""Doubts about labels are told from every labelled set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgemed.pipeline import compile_model
from edgemed.runtime import Session
from edgemed.stages.job import Job
from edgemed.types import DataSpec, ModelSpec, OutputRecipe, Recipe, TrialsSpec


@pytest.mark.slow
@pytest.mark.parametrize("turned", [True, False])
def test_an_auc_below_a_half_on_the_selection_set_is_told(artefact, tmp_path: Path, turned: bool):
    net, folder = artefact("cnn1d")
    signals = net.batch(40)["signal"]
    scores = Session.load(folder).run({"signal": signals})["score"][:, 0]
    labels = ((scores > np.median(scores)) ^ turned).astype(np.int64)
    np.savez(tmp_path / "sel.npz", signal=signals, labels=labels)
    recipe = Recipe(
        ModelSpec(str(net.path)), target="onnxruntime", precisions=("fp32",), data=DataSpec(select="sel.npz"),
        outputs={"score": OutputRecipe(kind="binary", ending="sigmoid")},
        trials=TrialsSpec(launches=1, seconds=0.05),
    )  # fmt: skip
    found = compile_model(Job(recipe, tmp_path, tmp_path / "out"), "test")
    doubt = "the original's AUC on the select set is 0.000: are the labels in the order of the columns?"
    assert (doubt in found.warnings) == turned
