"""What every backend has to do, in every precision that it offers here, on every small graph."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from importlib import import_module, metadata
from pathlib import Path

import graphs
import numpy as np
import pytest
from artefacts import threads_of

from edgemed.backends import backend_names, get_backend
from edgemed.backends.registry import ENTRY_POINT
from edgemed.child import run_in_child
from edgemed.errors import BadInput, ToolFailure
from edgemed.runtime import instruction_sets
from edgemed.types import EngineSpec, InputSpec, OutputSpec

GRAPHS = ("cnn1d", "residual2d", "cnn3d", "gru", "attention", "fusion", "heads", "mlp", "mobile")
FAST = {"cnn1d", "fusion", "heads"}
CONVOLUTIONS = {"cnn1d": 2, "residual2d": 3, "cnn3d": 2, "fusion": 2, "heads": 2, "mobile": 4}

# largest difference from onnxruntime's fp32, in probability or as a share of a regression's range
TOLERANCE = {"fp32": 1e-5, "fp16": 5e-3, "bf16": 4e-2, "int8": 8e-2}

OFFERED = [
    (name, precision)
    for name in backend_names()
    if get_backend(name).availability().available
    for precision in get_backend(name).precisions(instruction_sets())
]
REFUSED = ("gru", "int8")
"""NNCF rounds a GRU's weights, but int8 layers are convolutions and matrix products, and the only one here is
the last layer, which stays in float: `tests/compress/test_quantise.py` sees the refusal."""
ENDLESS = ("gru", "tensorrt")
"""Its 6 hidden values keep TensorRT-RTX building for ever: `test_tensorrt.py` sees it."""


def _each(graphs=GRAPHS):
    return pytest.mark.parametrize(
        ("graph", "backend", "precision"),
        [
            pytest.param(
                graph, backend, precision, id=f"{graph}-{backend}-{precision}",
                marks=[] if graph in FAST else [pytest.mark.slow],
            )
            for graph in graphs
            for backend, precision in OFFERED
            if (graph, precision) != REFUSED and (graph, backend) != ENDLESS
        ],
    )  # fmt: skip


def test_both_own_backends_are_offered_here():
    assert {name for name, _ in OFFERED} >= {"onnxruntime", "openvino"}
    assert all({"fp32", "int8"} <= {p for name, p in OFFERED if name == each} for each, _ in OFFERED)


@_each()
def test_answers_are_named_shaped_typed_and_near_fp32(built, graph, backend, precision):
    case = built(graph, backend, precision)
    executor = case.load()
    for rows in (1, 2, 5):
        inputs = case.net.batch(rows, seed=rows)
        answers = executor.run(inputs)
        assert [a.shape for a in answers] == [(rows, spec.columns) for spec in case.net.outputs]
        assert {a.dtype for a in answers} == {np.dtype(np.float32)}
        for spec, answer, expected in zip(case.net.outputs, answers, case.reference(inputs), strict=True):
            unit = max(1.0, float(np.abs(expected).max())) if spec.kind == "regression" else 1.0
            assert np.abs(answer - expected).max() <= TOLERANCE[precision] * unit


@_each()
def test_the_same_call_is_bit_equal_and_leaves_earlier_answers_alone(built, graph, backend, precision):
    case = built(graph, backend, precision)
    executor = case.load()
    first, second = case.net.batch(2, seed=1), case.net.batch(2, seed=2)
    answers = executor.run(first)
    kept = [answer.copy() for answer in answers]
    others = executor.run(second)
    assert all(np.array_equal(a, b) for a, b in zip(answers, kept, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(others, kept, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(executor.run(first), kept, strict=True))


@_each(("fusion",))
def test_two_inputs_go_by_name_in_any_order(built, graph, backend, precision):
    case = built(graph, backend, precision)
    executor, inputs = case.load(), case.net.batch(2)
    turned = dict(reversed(inputs.items()))
    assert list(turned) != list(inputs)
    assert np.array_equal(executor.run(inputs)[0], executor.run(turned)[0])


@_each(("heads",))
def test_outputs_come_in_the_order_asked_for(built, graph, backend, precision):
    case = built(graph, backend, precision)
    inputs = case.net.batch(3)
    classes, volume = case.load().run(inputs)
    turned = case.load(outputs=("volume", "classes")).run(inputs)
    assert np.array_equal(turned[0], volume)
    assert np.array_equal(turned[1], classes)


@_each(("residual2d", "fusion", "heads"))
def test_inputs_may_be_strided_or_read_only(built, graph, backend, precision):
    case = built(graph, backend, precision)
    executor = case.load()
    inputs = case.net.batch(3)
    expected = executor.run(inputs)
    strided = {}
    for name, array in inputs.items():
        wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
        wide[..., ::2] = array
        strided[name] = wide[..., ::2]
        assert not strided[name].flags.c_contiguous
    locked = {name: array.copy() for name, array in inputs.items()}
    for array in locked.values():
        array.flags.writeable = False
    before = {name: array.copy() for name, array in inputs.items()}
    for variant in (strided, locked):
        for answer, wanted in zip(executor.run(variant), expected, strict=True):
            assert np.array_equal(answer, wanted)
    assert all(np.array_equal(inputs[name], before[name]) for name in inputs)


@_each(("cnn1d", "residual2d", "attention"))
def test_two_threads_answer_as_one(built, graph, backend, precision):
    case = built(graph, backend, precision)
    if case.on_gpu:
        pytest.skip("it computes with no threads of ours")
    inputs = case.net.batch(4)
    executors = [case.load(threads) for threads in (1, 2)]
    assert [threads_of(executor) for executor in executors] == [1, 2]
    for a, b in zip(*(executor.run(inputs) for executor in executors), strict=True):
        assert np.abs(a - b).max() <= TOLERANCE[precision] / 10


@pytest.mark.parametrize("backend", [name for name, precision in OFFERED if precision == "int8"])
@pytest.mark.parametrize(
    "graph", [each if each in FAST else pytest.param(each, marks=pytest.mark.slow) for each in CONVOLUTIONS]
)
def test_every_convolution_runs_in_int8(built, graph, backend):
    case = built(graph, backend, "int8")
    layers = get_backend(backend).executed_layers(case.folder, "int8", case.net.batch(1))
    convolutions = re.compile("(?i)conv(?!ert)|^correlation$")
    ran = [precision for _, op, precision in layers if convolutions.search(op)]
    assert ran == ["int8"] * CONVOLUTIONS[graph]


@_each(("cnn1d",))
def test_executed_layers_tell_the_precision(built, graph, backend, precision):
    case = built(graph, backend, precision)
    layers = get_backend(backend).executed_layers(case.folder, precision, case.net.batch(1))
    assert all(name and op for name, op, _ in layers)
    told = {shown for _, _, shown in layers}
    stored_only = (backend, precision) == ("openvino", "fp16")
    assert ("fp32" if stored_only else precision) in told


@pytest.mark.parametrize(
    ("backend", "precision"),
    [pytest.param(*each, marks=[] if each[1] == "fp32" else [pytest.mark.slow]) for each in OFFERED],
)
def test_a_corrupted_file_is_a_tool_failure(built, tmp_path, backend, precision):
    case = built("heads", backend, precision)
    for path in case.folder.iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data[: len(data) // 2])
    with pytest.raises(ToolFailure, match="cannot") as caught:
        run_in_child(case.loader, tmp_path, precision, ("classes",), 1, what="loading")
    assert caught.value.where


@pytest.mark.parametrize("backend", backend_names())
def test_what_is_offered_is_complete(backend):
    chosen = get_backend(backend)
    assert chosen.name == backend
    everything = frozenset({"avx512_bf16", "avx512_vnni", "bf16"})
    for precision in chosen.precisions(everything):
        assert chosen.forms[precision]
        sets, arch, nothing = (
            chosen.golden_tolerance(precision, each) for each in ("sets", "arch", "nothing")
        )
        assert 0 < sets <= arch <= nothing < 0.1
    assert set(chosen.precisions(frozenset())) <= set(chosen.precisions(everything))
    if any(name == backend for name, _ in OFFERED):
        package = {"tensorrt": "tensorrt-rtx"}.get(backend, backend)
        assert chosen.availability().version.rpartition(" ")[2] == metadata.version(package)


def test_only_builds_that_may_never_end_are_ended_early():
    tensorrt = get_backend("tensorrt")
    board, ahead = EngineSpec("tensorrt", ("8.7",)), EngineSpec("tensorrt-rtx", ("8.6",))
    assert tensorrt.build_timeout_s(ahead) < tensorrt.build_timeout_s(board)
    assert tensorrt.build_timeout_s(board) == get_backend("onnxruntime").build_timeout_s(None)


def test_onnxruntime_of_another_distribution_is_available(tmp_path):
    """onnxruntime-gpu holds the same module: here the module without its own distribution's metadata."""
    for name in ("edgemed", "numpy", "onnxruntime"):
        source = Path(import_module(name).__file__).parent
        (tmp_path / name).symlink_to(source)
        libraries = source.with_name(f"{name}.libs")
        if libraries.exists():
            (tmp_path / libraries.name).symlink_to(libraries)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from edgemed.backends import get_backend\n"
        "print(get_backend('onnxruntime').availability())"
    )
    ran = subprocess.run(
        [sys._base_executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    version = metadata.version("onnxruntime")
    assert ran.stdout.strip() == f"Availability(version={version!r}, missing=(), remedy='')"


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_an_input_goes_by_its_name_before_an_identity(tmp_path, backend):
    """OpenVINO knows such an input by the names on both sides."""
    g, score = graphs.Writer(0), (OutputSpec("score", "binary", 1),)
    x = g.add("Identity", "table", name="a", out="a")
    g.sigmoid(g.gemm(g.relu(g.gemm(x, 4, 8)), 8, 1), "score")
    net = g.write(tmp_path, "identity", (InputSpec("table", "float32", (4,)),), score)
    (tmp_path / "built").mkdir()
    get_backend(backend).build(net.path, "fp32", tmp_path / "built")
    executor = get_backend(backend).load(tmp_path / "built", "fp32", ("score",), 1)
    assert len(executor.inputs) == len(executor.outputs) == 1
    assert "table" in executor.inputs[0]
    assert "score" in executor.outputs[0]
    assert executor.run(net.batch(2))[0].shape == (2, 1)


@_each(("residual2d",))
def test_nothing_is_computed_behind_a_run(built, graph, backend, precision):
    """In turns, threads that spin would take a core from whoever is timed next."""
    case = built(graph, backend, precision)
    executor, inputs = case.load(threads=2), case.net.batch(1)
    spent = 0.0
    for _ in range(10):
        executor.run(inputs)
        before = time.process_time()
        time.sleep(0.05)
        spent += time.process_time() - before
    assert spent < 0.05


def test_an_unknown_backend_suggests_the_near_one():
    with pytest.raises(BadInput, match="did you mean 'openvino'"):
        get_backend("openvno")


def test_other_packages_add_backends(tmp_path, monkeypatch):
    (tmp_path / "rounded.py").write_text(
        "from edgemed.backends.onnxruntime import OnnxRuntime\n"
        "class Rounded(OnnxRuntime):\n    name = 'rounded'\n"
    )
    info = tmp_path / "rounded-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rounded\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{ENTRY_POINT}]\nrounded = rounded:Rounded\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert backend_names()[-1] == "rounded"
    assert get_backend("rounded").name == "rounded"
