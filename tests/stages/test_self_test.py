"""Negative controls on small nets of each kind: what is broken is refused, what cannot be broken says so."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import artefacts
import graphs
import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge.scores import as_scores, decide
from edgemed.stages import self_test as module
from edgemed.stages.broken_models import Material
from edgemed.stages.job import Job, SetSource
from edgemed.stages.judging import lay_out
from edgemed.stages.ledger import read_ledger
from edgemed.stages.self_test import COPY, TOO_FEW, SelfTest, control, self_test
from edgemed.types import DataSpec, JudgeSpec, ModelSpec, QuantiseSpec, Recipe, Verdict

pytestmark = pytest.mark.slow

REFUSED = [  # the copy, what is broken, whether that shows a judge that refuses
    ("proven", "refuted", True),
    ("proven", "not provable", True),
    ("proven", "proven", False),
    ("not provable", "refuted", True),
    ("not provable", "not provable", False),
    ("not provable", "proven", False),
    ("refuted", "refuted", False),
]


def _labelled(net: graphs.Net, answers: dict[str, np.ndarray], rng: np.random.Generator):
    """The net with thresholds in the middle of its answers, and labels that it has right for nine in ten."""
    outputs, labels = [], {}
    for spec in net.outputs:
        values = answers[spec.name]
        if spec.kind == "binary":
            spec = replace(spec, threshold=float(np.median(values[:, -1])))
        outputs.append(spec)
        if spec.kind == "regression":
            labels[spec.name] = values + rng.normal(0, values.std() / 4, values.shape)
            continue
        right = decide(spec, as_scores(spec, values))[:, 0]
        wrong = rng.random(len(right)) < 0.1
        labels[spec.name] = np.where(wrong, (right + 1) % max(2, spec.columns), right)
    return replace(net, outputs=tuple(outputs)), labels


@pytest.fixture
def run(net_of, tmp_path: Path) -> Callable[..., SelfTest]:
    """`run(graph)`: its self-test on 800 cases that it answers right for nine in ten, below `tmp_path`."""
    return functools.partial(_run, net_of, tmp_path)


@pytest.fixture(scope="module")
def tested(net_of, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SelfTest]:
    """The same, once for each graph."""
    return functools.cache(lambda name: _run(net_of, tmp_path_factory.mktemp("tested"), name))


def _run(
    net_of: Callable[[str], graphs.Net],
    folder: Path,
    name: str,
    *,
    cases: int = 800,
    role: str = "select",
    calibrate: bool = True,
    **changes: object,
) -> SelfTest:
    import onnxruntime as ort

    net = net_of(name)
    batch = net.batch(cases, seed=5)
    names = [spec.name for spec in net.outputs]
    session = ort.InferenceSession(net.path, providers=["CPUExecutionProvider"])
    answers = dict(zip(names, session.run(names, batch), strict=True))
    net, labels = _labelled(net, answers, np.random.default_rng(3))
    np.savez(folder / "set.npz", **batch, **{f"y.{key}": value for key, value in labels.items()})
    np.savez(folder / "cal.npz", **net.batch(64, seed=6))
    original = folder / "out/original"
    shutil.rmtree(original, ignore_errors=True)
    artefacts.make_artefact(net, "onnxruntime", "fp32", net.path, original)
    ref = "set.npz::" + ",".join(f"y.{key}=y.{key}" for key in labels)
    recipe = Recipe(ModelSpec("model.onnx"), data=DataSpec(**{role: ref}), judge=JudgeSpec(**changes))
    source = SetSource("cal.npz", str(folder), net.inputs, (), skip_bad=False)
    material = Material(original, source if calibrate else None, QuantiseSpec(samples=64), 0)
    job = Job(recipe, folder, folder / "out")
    return self_test(job, lay_out(original, {}), material, role, "edgemed judge --self-test out")


@pytest.fixture(scope="session")
def net_of(tmp_path_factory: pytest.TempPathFactory):
    return lambda name: graphs.GRAPHS[name](tmp_path_factory.mktemp(name))


def _found(tested: SelfTest) -> dict[str, str]:
    return {each.name: each.outcome or each.reason for each in tested.controls}


@pytest.mark.parametrize("name", ["cnn1d", "residual2d", "mlp", "mobile", "attention", "fusion"])
def test_no_broken_model_is_proven_and_no_copy_refuted(name, tested):
    result = tested(name)
    found = _found(result)
    assert found[COPY] != "refuted"
    assert found["pruned"] == "refuted"
    assert found["swapped"] == "refuted"
    assert result.passed, found
    for each in result.controls:
        assert each.passed is not False, each
        assert (each.outcome is None) == (each.decided is None)


def test_a_difference_decides_that_is_beyond_its_margin(tested):
    found = {each.name: each for each in tested("cnn1d").controls}
    assert found[COPY].outcome == "proven"
    assert found["threshold"].decided.metric == "sensitivity"
    for each in found.values():
        if each.outcome == "refuted":
            assert each.decided.high < -each.decided.margin


def test_classes_have_no_threshold_and_values_no_order(tested):
    found = _found(tested("residual2d"))
    assert found["threshold"] == "not for this model: it has no threshold"
    result = tested("heads")
    assert _found(result)["swapped"] == "refuted"
    assert result.passed


def test_without_a_calibration_set_those_that_need_one_say_so(run):
    result = run("mlp", calibrate=False)
    found = _found(result)
    assert (
        found["clipped"]
        == found["wrong scale"]
        == ("not for this model: the recipe names no calibration set")
    )
    assert result.passed


def test_a_recurrent_net_has_no_layer_to_prune(tested):
    found = _found(tested("gru"))
    assert found["pruned"] == "not for this model: no layer but the last has weights"
    assert "not for this model" in found["wrong scale"]
    assert found["swapped"] == "refuted"


@pytest.mark.parametrize(("copy", "broken", "passed"), REFUSED)
def test_what_is_not_provable_is_refused_only_where_the_copy_is_proven(copy, broken, passed):
    controls = [
        control(name, "", Verdict(found, 0.025, 40, None, ()), copy)
        for name, found in ((COPY, copy), ("pruned", broken))
    ]
    assert SelfTest("set.npz", 40, tuple(controls)).passed is passed
    shows_nothing = copy == broken == "not provable"
    assert (controls[1].reason == TOO_FEW) is shows_nothing


def test_so_few_cases_prove_nothing_and_refute_no_copy(run):
    result = run("cnn1d", cases=40)
    found = {each.name: each for each in result.controls}
    assert found[COPY].outcome == "not provable"
    assert found[COPY].passed
    assert found[COPY].decided.cases_needed > 40
    assert "not even a copy" in found[COPY].reason
    unclear = [each for each in result.controls[1:] if each.outcome == "not provable"]
    assert unclear
    assert all(each.passed is False and each.reason == TOO_FEW for each in unclear)
    assert not result.passed


def test_a_judge_that_lets_everything_pass_fails(run):
    """Without a margin that bites: every loss up to 99 % is allowed."""
    from edgemed.types import Margins

    loose = Margins(auc=0.99, sensitivity=0.99, specificity=0.99, brier=0.99)
    result = run("cnn1d", margins=loose)
    assert not result.passed
    assert {each.name for each in result.controls if each.passed is False} >= {"threshold"}


def test_a_break_that_changes_nothing_is_no_pass(run, monkeypatch):
    what, make, _ = module._MODELS["clipped"]
    monkeypatch.setitem(module._MODELS, "clipped", (what, make, {"all": 1.0}))
    found = {each.name: each for each in run("cnn1d").controls}["clipped"]
    assert found.passed is None
    assert found.reason.startswith("no effect")


def test_it_repeats(tested, run):
    assert run("cnn1d") == tested("cnn1d")


def test_the_acceptance_set_is_opened_only_where_it_is_given(run, tmp_path):
    run("cnn1d")
    assert read_ledger(tmp_path / "out").openings == ()
    run("cnn1d", role="accept")
    (opening,) = read_ledger(tmp_path / "out").openings
    assert opening.outcomes["swapped"] == "refuted"


def test_a_set_without_labels_is_refused(net_of, tmp_path):
    net = net_of("mlp")
    np.savez(tmp_path / "set.npz", **net.batch(20))
    original = artefacts.make_artefact(net, "onnxruntime", "fp32", net.path, tmp_path / "out/original")
    job = Job(Recipe(ModelSpec("m.onnx"), data=DataSpec(select="set.npz")), tmp_path, tmp_path / "out")
    with pytest.raises(BadInput, match="no labels"):
        self_test(job, lay_out(original, {}), Material(original, None, QuantiseSpec(), 0), "select", "")


def test_it_is_read_back_from_its_json(run):
    result = run("mlp", calibrate=False)
    assert SelfTest.from_dict(json.loads(result.to_json())) == result
