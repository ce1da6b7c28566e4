"""Stages `temperature` and `scaled-graph`: truer probabilities, the same decisions, in every form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import graphs
import numpy as np
import pytest

from edgemed.backends import Form
from edgemed.judge.scores import as_scores, decide
from edgemed.sources.reference import reference_session
from edgemed.stages.forms import make_forms
from edgemed.stages.job import Job, SetSource
from edgemed.stages.pruning import Pruned
from edgemed.stages.temperature import scale_pruned, scale_temperature
from edgemed.types import (
    Graph,
    JudgeSpec,
    ModelSpec,
    OutputSpec,
    Pruning,
    PruningFacts,
    QuantiseSpec,
    Recipe,
    digest_of_file,
)

special = pytest.importorskip("scipy.special")

TRUE = 2.0
"""Labels are drawn as if the nets' logits were so many times too large."""
CASES = 600
NOTHING_PRUNED = PruningFacts(Pruning((), (), 0, 0, 0, 0))


def _logits(spec: OutputSpec, probabilities: np.ndarray) -> np.ndarray:
    values = probabilities.astype(np.float64)
    return np.log(values) if spec.kind == "multiclass" else special.logit(values)


def _probabilities(spec: OutputSpec, logits: np.ndarray) -> np.ndarray:
    return special.softmax(logits, axis=1) if spec.kind == "multiclass" else special.expit(logits)


def _answers(path: str | Path, arrays: dict[str, np.ndarray], outputs) -> dict[str, np.ndarray]:
    names = [spec.name for spec in outputs]
    return dict(zip(names, reference_session(Path(path)).run(names, arrays), strict=True))


class Site:
    """A small net with a labelled set, and a job that asks for temperatures."""

    def __init__(self, folder: Path, name: str, threshold: float = 0.5) -> None:
        net = graphs.GRAPHS[name](folder)
        self.outputs = tuple(replace(spec, threshold=threshold) for spec in net.outputs)
        self.graph = Graph(str(net.path), digest_of_file(net.path), net.inputs, self.outputs, graphs.OPSET, 0)
        self.arrays = net.batch(CASES, seed=3)
        self.before = _answers(net.path, self.arrays, self.outputs)
        rng = np.random.default_rng(4)
        self.targets: dict[str, Any] = {}
        for spec in self.outputs:
            if spec.kind == "regression":
                self.targets[spec.name] = rng.normal(size=(CASES, spec.columns))
                continue
            truth = _probabilities(spec, _logits(spec, self.before[spec.name]) / TRUE)
            drawn = (rng.random((CASES, 1)) > truth.cumsum(axis=1)).sum(axis=1)
            self.targets[spec.name] = drawn if spec.kind == "multiclass" else 1 - drawn
        self.folder = folder
        self.save()

    def save(self) -> None:
        np.savez(self.folder / "set.npz", **self.arrays, **self.targets)
        digest = digest_of_file(self.folder / "set.npz")
        self.set = SetSource("set.npz", str(self.folder), self.graph.inputs, self.outputs, False, digest)

    def job(self, *, temperature: bool = True) -> Job:
        recipe = Recipe(
            ModelSpec("model.onnx"),
            judge=JudgeSpec(temperature=temperature),
            quantise=QuantiseSpec(samples=64),
        )
        return Job(recipe, self.folder, self.folder / "out")

    def scaled(self):
        return scale_temperature(self.job(), self.graph, {"select": self.set})


def test_nothing_is_scaled_unless_the_recipe_asks(tmp_path: Path):
    site = Site(tmp_path, "fusion")
    job = site.job(temperature=False)
    assert scale_temperature(job, site.graph, {}) == (site.graph, (), ())
    assert job.times == []


def test_regression_alone_has_no_temperature(tmp_path: Path):
    site = Site(tmp_path, "heads")
    graph = replace(site.graph, outputs=site.outputs[1:])
    assert scale_temperature(site.job(), graph, {"select": site.set}) == (
        graph, (), ("no output has a temperature: all are regression",),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fusion", "residual2d", "heads"])
def test_probabilities_come_near_the_truth_and_decisions_stay(tmp_path: Path, name: str):
    from sklearn.metrics import log_loss

    site = Site(tmp_path, name, threshold=0.3)
    graph, (found,), told = site.scaled()
    spec, scaled = site.outputs[0], graph.outputs[0]
    assert told == ()
    assert (found.output, found.n) == (spec.name, CASES)
    assert found.value == pytest.approx(TRUE, rel=0.25)
    after = _answers(graph.path, site.arrays, graph.outputs)
    expected = _probabilities(spec, _logits(spec, site.before[spec.name]) / found.value)
    assert np.allclose(after[spec.name], expected, atol=1e-6)
    targets = site.targets[spec.name]
    assert log_loss(targets, site.before[spec.name]) == pytest.approx(found.log_loss_before, rel=1e-5)
    assert log_loss(targets, after[spec.name]) == pytest.approx(found.log_loss_after, rel=1e-5)
    assert found.log_loss_after < found.log_loss_before
    assert (scaled.threshold == spec.threshold) == (spec.kind == "multiclass")
    decisions = (
        decide(each, as_scores(each, answers[spec.name]))
        for each, answers in ((spec, site.before), (scaled, after))
    )
    assert np.array_equal(*decisions)
    if name == "heads":
        assert graph.outputs[1] == site.outputs[1]
        assert np.array_equal(after["volume"], site.before["volume"])


@pytest.mark.slow
def test_a_scaled_graph_is_made_once_for_each_temperature(tmp_path: Path):
    site = Site(tmp_path, "fusion")
    graph, temperatures, _ = site.scaled()
    job = site.job()
    assert scale_temperature(job, site.graph, {"select": site.set}) == (graph, temperatures, ())
    assert [time.cached for time in job.times] == [True, True]
    job, other = site.job(), replace(site.graph, outputs=(replace(site.outputs[0], threshold=0.4),))
    again, (found,), _ = scale_temperature(job, other, {"select": site.set})
    assert [time.cached for time in job.times] == [False, True]
    assert (again.path, again.sha256) == (graph.path, graph.sha256)
    assert found.threshold_before == 0.4
    assert again.outputs[0].threshold == found.threshold_after != graph.outputs[0].threshold

    pruned = scale_pruned(
        site.job(), Pruned(replace(site.graph, outputs=graph.outputs), NOTHING_PRUNED), temperatures
    )
    assert pruned is not None
    assert isinstance(pruned.graph, Graph)
    assert (pruned.graph.sha256, pruned.graph.outputs) == (graph.sha256, graph.outputs)


def test_there_may_be_nothing_pruned_to_scale(tmp_path: Path):
    dropped = Pruned("pruning: its export failed", NOTHING_PRUNED)
    job = Site(tmp_path, "fusion").job()
    assert scale_pruned(job, dropped, ()) is dropped
    assert scale_pruned(job, None, ()) is None


def test_an_output_whose_temperature_is_not_told_stays_and_is_named(tmp_path: Path):
    site = Site(tmp_path, "residual2d")
    site.targets["classes"] = site.before["classes"].argmax(axis=1)
    site.save()
    graph, temperatures, (told,) = site.scaled()
    assert (graph, temperatures) == (site.graph, ())
    assert "classes is not scaled" in told
    assert "no case of 600 is decided wrongly" in told


def _from_ending(model: Any) -> list[str]:
    """Types of the operators from the output back to the last layer."""
    makers = {output: node for node in model.graph.node for output in node.output}
    node, found = makers[model.graph.output[0].name], []
    while node.op_type not in ("Gemm", "MatMul"):
        found.append(node.op_type)
        node = makers[node.input[0]]
    return found


def _from_result(path: Path) -> list[str]:
    """The same of an OpenVINO model."""
    import openvino as ov

    node, found = ov.Core().read_model(path).get_results()[0], []
    while node.get_type_name() != "MatMul":
        found.append(node.get_type_name())
        node = node.input_value(0).get_node()
    return found


def _openvino_answers(path: Path, arrays: dict[str, np.ndarray]) -> np.ndarray:
    import openvino as ov

    # a CPU with bf16 would compute in it
    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows = len(next(iter(arrays.values())))
    return np.concatenate(
        [compiled({name: array[i : i + 1] for name, array in arrays.items()})[0] for i in range(rows)]
    )


@pytest.mark.slow
def test_in_every_form_the_temperature_stays_in_float_and_divides_logits(tmp_path: Path):
    import onnx

    site = Site(tmp_path, "fusion", threshold=0.3)
    graph, (found,), _ = site.scaled()
    spec = site.outputs[0]
    wanted: tuple[Form, ...] = (
        "float16", "int8-uint8-activations", "int8-signed-activations", "int8-openvino",
    )  # fmt: skip
    forms = [make_forms(site.job(), each, site.set, wanted, saturates=False) for each in (site.graph, graph)]
    arrays = {key: array[:200] for key, array in site.arrays.items()}
    for form in wanted:
        before, after = (Path(each[form]) for each in forms)
        if form == "int8-openvino":
            scores = [_openvino_answers(path, arrays) for path in (before, after)]
            assert _from_result(after) == ["Result", "Sigmoid", "Multiply", "Add"]
        else:
            scores = [_answers(path, arrays, (spec,))[spec.name] for path in (before, after)]
            assert _from_ending(onnx.load(after))[-2:] == ["Sigmoid", "Mul"]
        expected = _probabilities(spec, _logits(spec, scores[0]) / found.value)
        assert np.allclose(scores[1], expected, atol=1e-5), form
        assert np.array_equal(
            decide(spec, as_scores(spec, scores[0])), decide(graph.outputs[0], as_scores(spec, scores[1]))
        )
        assert not np.allclose(scores[0], scores[1], atol=0.01)
