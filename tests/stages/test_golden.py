"""Golden cases: like the data, of no patient, drawn one at a time, answered one at a time."""

from __future__ import annotations

import zipfile
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.child import run_in_child
from edgemed.pipeline import compile_model
from edgemed.runtime import GOLDEN_FILE, Session
from edgemed.stages.golden import GOLDEN_INPUTS, draw_cases, moments_of, synthetic
from edgemed.stages.job import Job, SetSource
from edgemed.types import (
    DataSpec,
    DType,
    GoldenSpec,
    Graph,
    InputSpec,
    Layout,
    ModelSpec,
    OutputSpec,
    Recipe,
    Sample,
    TrialsSpec,
    digest_of_file,
)

SCORE = (OutputSpec("score", "binary", 1),)


def _samples(arrays: np.ndarray, name: str = "x") -> list[Sample]:
    return [Sample(str(index), {name: array}, {}) for index, array in enumerate(arrays)]


def _cases(spec: InputSpec, samples: list[Sample], count: int = 64) -> np.ndarray:
    moments = moments_of(samples, (spec,))
    return np.stack([synthetic((spec,), moments, 3, number)[spec.name] for number in range(count)])


def _patients(count: int, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """Alike but for their noise, as one projection of the body is: a bright square on a dark ground."""
    rng = np.random.default_rng(5)
    body = np.full(shape, 60.0)
    body[..., 8:20, 6:22] = 170
    return np.clip(body + rng.normal(scale=20, size=(count, *shape)), 0, 255).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize(("layout", "shape"), [("HW", (28, 28)), ("CHW", (3, 28, 28)), ("", (28, 28))])
@pytest.mark.parametrize("count", [2, 10, 99])
def test_golden_cases_of_few_samples_do_not_show_them(count: int, shape, layout: Layout, dtype: DType):
    patients = _patients(count, shape, dtype)
    cases = _cases(InputSpec("x", dtype, shape, layout), _samples(patients))
    assert abs(np.corrcoef(cases.mean(0).ravel(), patients.mean(0, dtype=float).ravel())[0, 1]) < 0.5


def test_golden_cases_of_many_samples_have_their_structure():
    patients = _patients(100, (28, 28), "uint8")
    cases = _cases(InputSpec("x", "uint8", (28, 28), "HW"), _samples(patients))
    assert np.corrcoef(cases.mean(0).ravel(), patients.mean(0).ravel())[0, 1] > 0.9


@pytest.mark.parametrize("count", [2, 10, 99, 100])
def test_each_channel_and_each_column_keeps_its_scale(count: int):
    rng = np.random.default_rng(1)
    table = rng.normal([50, 3, -800], [10, 1, 90], (count, 3)).astype(np.float32)
    columns = _cases(InputSpec("x", "float32", (3,)), _samples(table)).mean(0)
    assert (np.abs(columns - table.mean(0)) < 90).all() == (count >= 10)
    colours = rng.normal([[[200, 20]]], 5, (count, 16, 16, 2)).clip(0, 255).astype(np.uint8)
    means = _cases(InputSpec("x", "uint8", (16, 16, 2), "HWC"), _samples(colours)).mean((0, 1, 2))
    assert np.abs(means - [200, 20]).max() < 5


def test_golden_cases_of_few_raw_signals_decay_as_they_do_and_show_no_readout():
    rng = np.random.default_rng(6)
    decay = np.exp(-np.arange(16) / 6) * np.array([[1.0], [0.4]])
    readout = np.array([1, 5, 1, 1, 5, 5, 1, 5])[:, None, None]
    signals = decay[..., None, None, None] * readout * rng.standard_normal((12, 2, 16, 8, 1, 2))
    cases = _cases(InputSpec("x", "float32", (2, 16, 8, 1, 2), "TESKQ"), _samples(signals.astype(np.float32)))
    rms = np.sqrt((cases**2).mean((0, 3, 4, 5)))
    assert np.corrcoef(rms.ravel(), decay.ravel())[0, 1] > 0.95
    of_samples = np.sqrt((cases**2).mean((0, 1, 2, 4, 5)))
    assert of_samples.max() < 1.3 * of_samples.min()


def test_cases_stay_within_the_data_and_the_dtype():
    rng = np.random.default_rng(2)
    for dtype, low, high in (("uint8", 0, 255), ("int16", -1024, 3071), ("float32", 0, 1)):
        values = rng.uniform(low, high, (12, 9, 7)).astype(dtype)
        cases = _cases(InputSpec("x", dtype, (9, 7)), _samples(values))
        assert cases.dtype == dtype
        assert cases.min() >= values.min()
        assert cases.max() <= values.max()
        assert len(np.unique(cases.reshape(64, -1), axis=0)) == 64


@pytest.mark.parametrize("shape", [(), (1,), (2,), (3,), (1, 1)])
def test_an_input_of_few_elements_has_the_spread_of_its_data(shape: tuple[int, ...]):
    values = np.random.default_rng(3).normal(60, 12, (200, *shape)).astype(np.float32)
    cases = _cases(InputSpec("x", "float32", shape), _samples(values), 300)
    assert cases.shape == (300, *shape)
    assert 8 < cases.std() < 20
    assert len(np.unique(cases)) > 250


def _graph(net: graphs.Net) -> Graph:
    return Graph(str(net.path), digest_of_file(net.path), net.inputs, net.outputs, graphs.OPSET, 0)


def _set(folder: Path, net: graphs.Net, count: int) -> tuple[SetSource, dict[str, np.ndarray]]:
    arrays = net.batch(count, seed=8)
    np.savez(folder / "set.npz", **arrays)
    return SetSource("set.npz", str(folder), net.inputs, (), False), arrays


@pytest.mark.parametrize("may_ship", [False, True])
@pytest.mark.parametrize("name", ["fusion", "residual2d"])
def test_half_of_the_cases_are_those_nearest_the_threshold(tmp_path: Path, name: str, may_ship: bool):
    import onnxruntime as ort

    net = graphs.GRAPHS[name](tmp_path)
    source, arrays = _set(tmp_path, net, 64)
    spec = GoldenSpec(cases=16, may_ship=may_ship)
    assert draw_cases(_graph(net), source, spec, 4, tmp_path) == {"cases": 16}
    with np.load(tmp_path / GOLDEN_INPUTS) as golden:
        kept = {spec.name: golden[f"in.{spec.name}"] for spec in net.inputs}
        assert len(golden.files) == len(net.inputs)
    if not may_ship:
        moments = moments_of(source.open(), net.inputs)
        drawn = [synthetic(net.inputs, moments, 4, number) for number in range(64)]
        arrays = {spec.name: np.stack([each[spec.name] for each in drawn]) for spec in net.inputs}
    session = ort.InferenceSession(net.path)
    (of_all,), (of_kept,) = (session.run(None, batch) for batch in (arrays, kept))
    margins = []
    for scores in (of_all, of_kept):
        ordered = np.sort(scores, axis=1)
        margins.append(np.abs(scores[:, 0] - 0.5) if name == "fusion" else ordered[:, -1] - ordered[:, -2])
    assert np.allclose(np.sort(margins[1])[:8], np.sort(margins[0])[:8], atol=1e-5)
    rows = {np.concatenate([array[i].ravel() for array in arrays.values()]).tobytes() for i in range(64)}
    for i in range(16):
        assert np.concatenate([array[i].ravel() for array in kept.values()]).tobytes() in rows


def test_a_seed_draws_the_same_cases_again(tmp_path: Path):
    net = graphs.fusion(tmp_path)
    source, _ = _set(tmp_path, net, 12)
    files = []
    for index, seed in enumerate((0, 0, 1)):
        (tmp_path / str(index)).mkdir()
        draw_cases(_graph(net), source, GoldenSpec(), seed, tmp_path / str(index))
        files.append((tmp_path / str(index) / GOLDEN_INPUTS).read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_cases(tmp_path: Path):
    g = graphs.Writer(0)
    g.sigmoid(g.pooled("volume"), "score")
    net = g.write(tmp_path, "volume", (InputSpec("volume", "float32", (1, 32, 32, 32)),), SCORE)
    source, _ = _set(tmp_path, net, 3)
    for may_ship in (False, True):
        if may_ship:
            source, _ = _set(tmp_path, net, 600)
        peaks = [
            run_in_child(
                draw_cases, _graph(net), source, GoldenSpec(cases, may_ship), 0, tmp_path, what="drawing"
            ).peak_mib
            for cases in (1, 150)
        ]
        assert peaks[1] < peaks[0] + 25, "600 cases alone are 75 MiB, 150 in float64 37 MiB"


@pytest.mark.slow
def test_inputs_may_have_any_name_and_answers_are_those_of_single_cases(tmp_path: Path):
    g = graphs.Writer(1)
    x = g.relu(g.conv("file", 1, 8, 3, 2))
    x = g.relu(g.gemm(g.add("Concat", g.pooled(x), "allow_pickle", axis=1), 12, 8))
    g.sigmoid(g.gemm(x, 8, 1), "score")
    inputs = (InputSpec("file", "float32", (1, 24, 24)), InputSpec("allow_pickle", "float32", (4,)))
    net = g.write(tmp_path, "model", inputs, SCORE)
    with zipfile.ZipFile(tmp_path / "set.npz", "w") as archive:  # savez takes no arrays of these names
        for name, array in net.batch(6).items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array)
    recipe = Recipe(
        ModelSpec("model.onnx"),
        data=DataSpec(calibrate="set.npz"),
        precisions=("fp32",),
        trials=TrialsSpec(launches=2, seconds=0.1),
    )
    compile_model(Job(recipe, tmp_path, tmp_path / "out"), "test")
    kept = list((tmp_path / "out" / "artefacts").iterdir())
    assert kept
    for folder in (*kept, tmp_path / "out" / "original"):
        session = Session.load(folder)
        with np.load(session.folder / GOLDEN_FILE) as golden:
            assert len(golden.files) == 3
            for row in range(16):
                inputs_of_row = {name: golden[f"in.{name}"][row] for name in ("file", "allow_pickle")}
                assert np.array_equal(session.predict(inputs_of_row)["score"], golden["out.score"][row])
