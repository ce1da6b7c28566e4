"""The stress test: who answers, what is told of it, and what is refused before anything is simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import graphs
import numpy as np
import pytest
from artefacts import change_manifest, make_artefact

from edgemed.errors import BadInput, Unavailable
from edgemed.judge.paired_auc import paired_aucs
from edgemed.mr.linear import fit_linear
from edgemed.mr.protocol import PROTOCOL_A, PROTOCOL_B
from edgemed.mr.quality import auc, r2
from edgemed.mr.simulate import simulate
from edgemed.mr.stress import StressPlan, check_input, largest_losses, stress
from edgemed.mr.stressed_heads import score, scored_heads
from edgemed.mr.task import IMRD_EASY
from edgemed.runtime import read_manifest
from edgemed.types import Acquisition, InputSpec, OutputSpec, SignalRange
from edgemed.types.stress import AxisName, Stress, StressAxis, Stressed, StressFigure, StressPoint

TASK = replace(IMRD_EASY, protocol=replace(PROTOCOL_A, echoes=8, samples=2))
SHAPE = (3, 8, 2, 1, 2)
HEADS = (OutputSpec("lesion", "binary", 1), OutputSpec("lesion_ml", "regression", 1, unit="mL"))
SCORED = {"lesion": "auc", "lesion_ml": "r2"}
LIMITS = {"auc": 0.005, "r2": 0.01}


@pytest.fixture(scope="module")
def write_readout(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes the closed-form readout of heads that no test uses, spoilt by noise on its weights."""
    made = simulate(TASK, 120, 9)
    features = made.signals.view(np.float32).reshape(len(made.signals), -1)
    fit, chosen = (
        (features[rows], {"lesion": made.lesion[rows], "lesion_ml": made.lesion_ml[rows]})
        for rows in (slice(80), slice(80, None))
    )
    readouts = fit_linear(HEADS, *fit, chosen).readouts
    (detect,), (volume,) = readouts["lesion"], readouts["lesion_ml"]
    weights = np.stack([detect.weights * detect.scale, volume.weights * volume.scale], 1)

    def write(noise: float, *, lesion: float = 1.0) -> Path:
        folder = tmp_path_factory.mktemp("readout")
        off = np.random.default_rng(0).standard_normal(weights.shape)
        spoilt = weights * [lesion, 1.0] * (1 + noise * off)
        g = graphs.Writer(0)
        flat = g.add("Flatten", "signal")
        centred = g.add("Sub", flat, g.constant(detect.mean.astype(np.float32)))
        scores = g.add("MatMul", centred, g.constant(spoilt.astype(np.float32)))
        for column, (head, offset) in enumerate((("lesion", 0.0), ("lesion_ml", volume.offset))):
            one = g.add("Gather", scores, g.constant(np.array([column])), axis=1)
            shift = g.constant(np.array([offset], np.float32))
            end = ("Sigmoid",) if head == "lesion" else ("Identity",)
            g.add(*end, g.add("Add", one, shift), out=head)
        g.write(folder, "net", (InputSpec("signal", "float32", SHAPE, "TESKQ"),), HEADS)
        return folder

    return write


@pytest.fixture(scope="module")
def plan(write_readout: Callable[..., Path]) -> StressPlan:
    """An original, its copy and one with other weights."""
    folders = {}
    for name, noise in (("original", 0.0), ("copy", 0.0), ("spoilt", 0.02)):
        source = write_readout(noise)
        net = graphs.Net("net", source / "net.onnx", (InputSpec("signal", "float32", SHAPE, "TESKQ"),), HEADS)
        folders[name] = make_artefact(net, "onnxruntime", "fp32", net.path, source / name)
    original = folders.pop("original")
    spec = read_manifest(original).inputs[0]
    return StressPlan(
        original, folders, spec, TASK, 40, 3, ("snr", "block", "gain"), SCORED, LIMITS, "edgemed mr stress"
    )


@pytest.fixture(scope="module")
def found(plan: StressPlan) -> Stress:
    return stress(plan, lambda done, total: None)


def test_every_point_of_every_axis_is_there_once(found: Stress, plan: StressPlan) -> None:
    assert {axis.name: tuple(point.value for point in axis.points) for axis in found.axes} == plan.points
    for axis in found.axes:
        assert [point.value for point in axis.points].count(axis.base) == 1


def test_heads_are_simulated_again_only_where_that_is_needed(plan: StressPlan) -> None:
    assert plan.simulations == 1
    assert replace(plan, axes=("relaxation", "b1", "gain")).simulations == 1 + 4 + 4


def test_the_base_point_is_one_and_the_same_on_all_axes(found: Stress) -> None:
    bases = [point.figures for axis in found.axes for point in axis.points if point.value == axis.base]
    assert len(bases) == 3
    assert bases[0] == bases[1] == bases[2]


def test_a_copy_loses_nothing_and_a_spoilt_model_does(found: Stress) -> None:
    copies, spoilt = (
        [
            each.loss
            for axis in found.axes
            for point in axis.points
            for figure in point.figures
            for each in figure.artefacts
            if each.artefact == name
        ]
        for name in ("copy", "spoilt")
    )
    assert set(copies) == {0.0}
    assert max(spoilt) > 0.01
    assert {each.artefact for each in found.largest} == {"spoilt"}
    assert not found.held


def test_figures_are_those_of_the_simulated_heads(found: Stress, plan: StressPlan) -> None:
    """With hardly any noise the closed-form readout does well, with much it does worse."""
    (snr,) = (axis for axis in found.axes if axis.name == "snr")
    by_snr = {point.value: {each.head: each.original for each in point.figures} for point in snr.points}
    assert by_snr[3000.0]["lesion"] > 0.9
    assert by_snr[3000.0]["lesion_ml"] > 0.8
    assert by_snr[30.0]["lesion"] < by_snr[3000.0]["lesion"] - 0.1
    assert 10 < found.cases < 30


def test_the_progress_ends_where_it_said_it_would(plan: StressPlan) -> None:
    told: list[tuple[int, int]] = []
    stress(replace(plan, axes=("gain",), count=4), lambda done, total: told.append((done, total)))
    assert told == [(done, 7) for done in range(1, 8)]


def test_an_original_that_detects_no_lesion_is_refused_at_the_base_point(
    plan: StressPlan, write_readout: Callable[..., Path]
) -> None:
    folder = write_readout(0.0, lesion=-1.0)
    labelled = (replace(HEADS[0], labels=("lesion", "none")), HEADS[1])
    net = graphs.Net("net", folder / "net.onnx", (InputSpec("signal", "float32", SHAPE, "TESKQ"),), labelled)
    reversed_ = replace(plan, original=make_artefact(net, "onnxruntime", "fp32", net.path, folder / "a"))
    told: list[int] = []
    with pytest.raises(BadInput, match=r"is 0\.\d+, surely below \.5: .* 'none', is taken for") as caught:
        stress(reversed_, lambda done, total: told.append(done))
    assert (told, caught.value.where) == ([], "head lesion")
    assert "lesion as the second label" in caught.value.remedy


def test_a_stress_test_comes_back_from_its_json(found: Stress) -> None:
    assert Stress.from_json(found.to_json()) == found
    with pytest.raises(BadInput, match="format version 2"):
        replace(found, format_version=2)


def test_what_the_contract_would_refuse_is_counted_and_answered(plan: StressPlan, tmp_path: Path) -> None:
    import shutil

    narrow = Path(shutil.copytree(plan.artefacts["copy"], tmp_path / "narrow"))
    level = float(np.sqrt((np.abs(simulate(TASK, 1, 3).signals) ** 2).mean()))
    allowed = SignalRange((level / 150, level / 1.5), (1.0,) * 24, -1.0, (), 0)
    change_manifest(narrow, signals={"signal": allowed.to_dict()})
    result = stress(replace(plan, artefacts={"narrow": narrow}, axes=("gain",), count=8), lambda *told: None)
    refused = {point.value: point.refused for point in result.axes[0].points}
    assert refused[0.5] == 0.0
    assert refused[1.0] == refused[2.0] == 1.0
    assert all(point.figures for point in result.axes[0].points)


def test_an_artefact_whose_runtime_is_missing_is_left_out_and_named(plan: StressPlan, tmp_path: Path) -> None:
    import shutil

    alien = Path(shutil.copytree(plan.artefacts["copy"], tmp_path / "alien"))
    change_manifest(alien, backend="tensorrt")
    both = {"alien": alien, "copy": plan.artefacts["copy"]}
    few = replace(plan, axes=("gain",), count=4)
    result = stress(replace(few, artefacts=both), lambda *told: None)
    assert list(result.left_out) == ["alien"]
    assert result.artefacts == ("copy",)
    with pytest.raises(Unavailable):
        stress(replace(few, artefacts={"alien": alien}), lambda *told: None)


def _manifest(plan: StressPlan, **changes: object):
    manifest = read_manifest(plan.original)
    return replace(manifest, inputs=(replace(manifest.inputs[0], **changes),))


ACQUISITION = TASK.protocol.acquisition


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layout": "", "acquisition": None}, r"only a model of one raw MR signal"),
        ({"shape": (3, 8, 4, 1, 2)}, r"are \[3, 8, 2, 1, 2\], expected \[3, 8, 4, 1, 2\]"),
        (
            {"acquisition": replace(ACQUISITION, dwell_time_s=4e-4)},
            r"dwell time 0\.0008 s, expected 0\.0004 s",
        ),
        (
            {"acquisition": replace(ACQUISITION, protocol="ir-cpmg-b")},
            r"protocol 'ir-cpmg-a', expected 'ir-cpmg-b'",
        ),
    ],
)
def test_a_model_of_other_signals_is_refused(plan: StressPlan, changes: dict, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check_input(_manifest(plan, **changes), TASK)


def test_the_protocol_that_fits_is_named_or_how_to_write_one(plan: StressPlan) -> None:
    b = InputSpec("signal", "float32", (3, 32, 32, 1, 2), "TESKQ", PROTOCOL_B.acquisition)
    with pytest.raises(BadInput) as caught:
        check_input(replace(read_manifest(plan.original), inputs=(b,)), IMRD_EASY)
    assert caught.value.remedy == "--protocol B"
    with pytest.raises(BadInput) as caught:
        check_input(_manifest(plan), replace(IMRD_EASY, protocol=PROTOCOL_B))
    assert caught.value.remedy.startswith("neither protocol A nor B fits: edgemed mr simulate")


def test_a_model_of_these_signals_is_taken(plan: StressPlan) -> None:
    spec = check_input(_manifest(plan, acquisition=Acquisition.from_dict(ACQUISITION.to_dict())), TASK)
    assert spec.name == "signal"


def test_a_second_input_is_refused(plan: StressPlan) -> None:
    manifest = read_manifest(plan.original)
    with pytest.raises(BadInput, match="signal TESKQ, age"):
        check_input(replace(manifest, inputs=(*manifest.inputs, InputSpec("age", "float32", (1,)))), TASK)


def _output(name: str, kind: str, columns: int = 1) -> OutputSpec:
    return OutputSpec(name, kind, columns)


@pytest.mark.parametrize(
    ("outputs", "named", "scored"),
    [
        (HEADS, {}, SCORED),
        ((_output("out", "binary", 2),), {}, {"out": "auc"}),
        ((_output("ms", "binary"), _output("lesion", "binary")), {}, {"lesion": "auc"}),
        ((_output("ms", "binary"), _output("ml", "regression")), {}, {"ms": "auc"}),
        ((_output("ms", "binary"), _output("ml", "regression")), {"value": "ml"}, {"ms": "auc", "ml": "r2"}),
        ((_output("a", "binary"), _output("b", "binary")), {"label": "b"}, {"b": "auc"}),
        ((_output("lesion_ml", "regression"),), {}, {"lesion_ml": "r2"}),
    ],
)
def test_heads_are_known_by_name_or_as_the_only_one(outputs, named, scored) -> None:
    assert scored_heads(outputs, **named) == scored


@pytest.mark.parametrize(
    ("outputs", "named", "words"),
    [
        ((_output("a", "binary"), _output("b", "binary")), {}, r"not known: a \(binary\), b \(binary\)"),
        (HEADS, {"label": "lesoin"}, "there is no head 'lesoin'"),
        (HEADS, {"label": "lesion_ml"}, "is regression; expected a binary one"),
        (HEADS, {"value": "lesion"}, "is binary; expected a regression one"),
        ((_output("lesion_ml", "regression", 3),), {}, "gives 3 values"),
    ],
)
def test_heads_that_cannot_be_scored_are_refused(outputs, named, words) -> None:
    with pytest.raises(BadInput, match=words):
        scored_heads(outputs, **named)


@pytest.mark.parametrize(
    ("outputs", "problem", "remedy"),
    [
        ((_output("c", "multiclass", 3),), "no head is binary or gives values: c (multiclass)", "train and"),
        ((_output("a", "binary"), _output("b", "binary")), "is not known", "--label HEAD for the binary"),
        ((_output("ml", "regression"),), "is not known", "--value HEAD for the one that gives mL"),
    ],
)
def test_only_heads_that_are_there_are_asked_for(outputs, problem, remedy) -> None:
    with pytest.raises(BadInput) as caught:
        scored_heads(outputs)
    assert problem in caught.value.problem
    assert caught.value.remedy.startswith(remedy)


def test_scores_are_the_judges_figures() -> None:
    random = np.random.default_rng(2)
    lesion = (np.arange(60) % 2).astype(np.uint8)
    lesion_ml = lesion * random.uniform(1, 20, 60)
    right = lesion + random.standard_normal(60)
    wrong = right + random.standard_normal(60)
    two = np.stack([-right, right], 1).astype(np.float32)
    answers = {"lesion": two, "lesion_ml": (lesion_ml + right)[:, None].astype(np.float32)}
    other = {
        "lesion": np.stack([-wrong, wrong], 1).astype(np.float32),
        "lesion_ml": (lesion_ml + wrong)[:, None].astype(np.float32),
    }
    detection, volume = score(SCORED, answers, {"other": other}, lesion, lesion_ml)
    (estimate,) = paired_aucs(
        [(two[:, 1].astype(float), other["lesion"][:, 1].astype(float), lesion > 0)], 0.025, None, 0, 0
    )
    (one,) = detection.artefacts
    assert (detection.original, one.value) == (auc(lesion, right), auc(lesion, wrong))
    assert one.loss == pytest.approx(detection.original - one.value)
    assert (one.low, one.high) == pytest.approx((-estimate.high, -estimate.low))
    assert one.low < one.loss < one.high
    best, worse = (r2(lesion_ml, lesion_ml + off) for off in (right, wrong))
    assert volume.original == pytest.approx(best, rel=1e-5)
    (measured,) = volume.artefacts
    assert measured.loss == pytest.approx(best - worse, rel=1e-4)
    draws = [random.integers(60, size=60) for _ in range(4000)]
    truth, values = lesion_ml, [lesion_ml + off for off in (right, wrong)]
    losses = [r2(truth[each], values[0][each]) - r2(truth[each], values[1][each]) for each in draws]
    assert measured.high - measured.low == pytest.approx(np.ptp(np.quantile(losses, (0.025, 0.975))), rel=0.2)
    assert measured.low < np.median(losses) < measured.high


def _axis(name: AxisName, *points: tuple[float, float, float]) -> StressAxis:
    """Points of (value, original, loss) of one detecting head."""
    return StressAxis(
        name,
        points[0][0],
        tuple(
            StressPoint(
                value,
                0.0,
                (StressFigure("lesion", "auc", original, (Stressed("int8", original - loss, loss),)),),
            )
            for value, original, loss in points
        ),
    )


def test_only_what_the_original_can_do_can_be_lost() -> None:
    axes = [_axis("snr", (30.0, 0.69, 0.2), (100.0, 0.7, 0.003)), _axis("gain", (1.0, 0.9, 0.004))]
    (largest,) = largest_losses(axes, LIMITS)
    assert (largest.axis, largest.value, largest.loss) == ("gain", 1.0, 0.004)
    assert not largest.exceeded
    assert largest_losses([_axis("snr", (30.0, 0.69, 0.2))], LIMITS) == ()


@pytest.mark.parametrize(("loss", "exceeded"), [(0.005, False), (0.0051, True), (-0.1, False)])
def test_a_limit_may_be_reached_and_not_passed(loss: float, exceeded: bool) -> None:
    (largest,) = largest_losses([_axis("snr", (30.0, 0.9, loss))], LIMITS)
    assert largest.exceeded is exceeded


def test_nothing_is_shown_where_there_was_nothing_to_lose(found: Stress) -> None:
    assert not replace(found, largest=()).held
    assert replace(found, largest=largest_losses([_axis("snr", (30.0, 0.9, 0.0))], LIMITS)).held
