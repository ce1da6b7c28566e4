"""Which kind of model TensorRT-RTX builds in which precision for which GPU: a table that is built anew here.

`tensorrt_support.json` is the reviewed table and SUPPORT.md shows it. After another TensorRT-RTX:
`EDGEMED_WRITE_SUPPORT=1 pytest tests/conformance/test_tensorrt_support.py`, and review the difference.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import graphs
import numpy as np
import pytest

from edgemed.backends import Form
from edgemed.backends.tensorrt import backend
from edgemed.backends.tensorrt.builder import build_engine
from edgemed.backends.tensorrt.gpu import Gpu
from edgemed.backends.tensorrt.package import installed_version
from edgemed.child import run_in_child
from edgemed.compress import find_scales, write_float16, write_signed_activations
from edgemed.errors import ToolFailure
from edgemed.types import InputSpec, OutputSpec, QuantiseSpec

pytest.importorskip("tensorrt_rtx")

TABLE = Path(__file__).with_name("tensorrt_support.json")
SHOWN = Path(backend.__file__).with_name("SUPPORT.md")
GPUS = ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
FORMS: dict[str, Form] = {"fp32": "float", "fp16": "float16", "int8": "int8-signed-activations"}
BUILDS = "builds"
_SCORE = (OutputSpec("score", "binary", 1),)
_ENDLESS = """\
LSTM and GRU have 16 hidden values here. With 5 or 6, and 4 steps or more, a build did not end within a
minute and took ever more memory; with 7 and more it ended within a second."""


def recurrent(op: str, gates: int):
    def make(folder: Path) -> graphs.Net:
        from onnx import helper

        g = graphs.Writer(3)
        x = g.add("Transpose", "sequence", perm=[1, 0, 2])
        parts = [g.weights(1, gates * 16, inside, fan_in=inside) for inside in (4, 16)]
        node = helper.make_node(op, [x, *parts], ["", "last"], name="recurrent", hidden_size=16)
        g.nodes.append(node)
        x = g.add("Squeeze", "last", g.constant(np.array([0])))
        g.sigmoid(g.gemm(x, 16, 1, name="head"), "score")
        return g.write(folder, op.lower(), (InputSpec("sequence", "float32", (24, 4)),), _SCORE)

    return make


def vit(folder: Path) -> graphs.Net:
    """Patches, positions, one block of two heads with a GELU behind, in the nodes that torch exports."""
    g = graphs.Writer(5)
    width, heads, patches = 16, 2, 16

    def norm(x: str, name: str) -> str:
        return g.add(
            "LayerNormalization", x, *(g.constant(np.full(width, v, np.float32)) for v in (1, 0)), name=name
        )

    def split(x: str, name: str, *perm: int) -> str:
        x = g.add(
            "Reshape", g.linear(x, width, width, name=name), g.constant(np.array([-1, patches, heads, 8]))
        )
        return g.add("Transpose", x, perm=list(perm))

    x = g.conv("image", 1, width, 4, 2, stride=4, name="patches")
    x = g.add("Slice", x, *(g.constant(np.array(v)) for v in ([0, 0], [4, 4], [2, 3])))
    x = g.add("Transpose", g.add("Reshape", x, g.constant(np.array([-1, width, patches]))), perm=[0, 2, 1])
    x = g.add("Add", x, g.weights(1, patches, width, fan_in=50))
    n = norm(x, "norm1")
    q, k, v = split(n, "query", 0, 2, 1, 3), split(n, "key", 0, 2, 3, 1), split(n, "value", 0, 2, 1, 3)
    scores = g.add("Mul", g.add("MatMul", q, k, name="scores"), g.constant(np.float32(8**-0.5)))
    mixed = g.add("MatMul", g.add("Softmax", scores, name="attend"), v, name="mix")
    mixed = g.add("Transpose", mixed, perm=[0, 2, 1, 3])
    mixed = g.add("Reshape", mixed, g.constant(np.array([-1, patches, width])))
    x = g.add("Add", x, g.linear(mixed, width, width, name="join"))
    h = g.linear(norm(x, "norm2"), width, 4 * width, name="wide")
    gate = g.add("Erf", g.add("Mul", h, g.constant(np.float32(0.5**0.5))))
    h = g.add("Mul", h, g.add("Add", gate, g.constant(np.float32(1))))
    h = g.add("Mul", h, g.constant(np.float32(0.5)))
    x = norm(g.add("Add", x, g.linear(h, 4 * width, width, name="narrow")), "norm3")
    x = g.add("ReduceMean", x, g.constant(np.array([1])), keepdims=0)
    g.sigmoid(g.gemm(x, width, 1, name="head"), "score")
    return g.write(folder, "vit", (InputSpec("image", "float32", (1, 16, 16)),), _SCORE)


KINDS = {
    "Conv1d": graphs.cnn1d,
    "Conv2d": graphs.residual2d,
    "Conv3d": graphs.cnn3d,
    "LSTM": recurrent("LSTM", 4),
    "GRU": recurrent("GRU", 3),
    "ViT": vit,
    "fusion": graphs.fusion,
}


def built_for(graph: str, folder: str) -> dict[str, str]:
    """By GPU: that it builds, or why not."""
    found = {}
    for gpu in GPUS:
        try:
            build_engine(Path(graph), "tensorrt-rtx", Gpu(gpu, ""), Path(folder) / "an.engine")
            found[gpu] = BUILDS
        except ToolFailure as error:
            told = re.search(r"Cannot compile operation '[^']*' (.*?)\. In ", error.problem)
            found[gpu] = told[1] if told else error.problem
    return found


def write_form(net: graphs.Net, form: Form) -> Path:
    """Raises `ToolFailure` where the net has no such form."""
    folder = net.path.parent
    if form == "float":
        return net.path
    if form == "float16":
        write_float16(net.path, folder / "float16.onnx")
        return folder / "float16.onnx"
    find_scales(net.path, net.samples(24), QuantiseSpec(samples=24), seed=0, saturates=False, out=folder)
    write_signed_activations(net.path, folder, folder / "signed.onnx")
    return folder / "signed.onnx"


def shown(table: dict) -> str:
    """The table in Markdown; reasons are numbered and told below."""
    reasons: dict[str, int] = {}

    def cell(text: str) -> str:
        return "yes" if text == BUILDS else f"no ({reasons.setdefault(text, len(reasons) + 1)})"

    lines = [
        "# What TensorRT-RTX builds",
        "",
        f"One small model of each kind, built by `tensorrt-rtx` {table['tensorrt-rtx']} without a GPU for",
        "each compute capability. Written by `tests/conformance/test_tensorrt_support.py`, which builds all",
        "of it again and compares. No engine was executed. The last layer stays in fp32 in every precision.",
        "",
        f"| model | precision | {' | '.join(GPUS)} |",
        f"|---|---|{'---|' * len(GPUS)}",
    ]
    for kind, precisions in table["kinds"].items():
        for precision, gpus in precisions.items():
            lines.append(f"| {kind} | {precision} | {' | '.join(cell(gpus[gpu]) for gpu in GPUS)} |")
    told = [f"{number}. {text}" for text, number in reasons.items()]
    return "\n".join([*lines, "", *told, "", _ENDLESS, ""])


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> dict:
    kinds: dict[str, dict[str, dict[str, str]]] = {}
    for kind, make in KINDS.items():
        folder = tmp_path_factory.mktemp("kind")
        net = make(folder)
        kinds[kind] = {}
        for precision, form in FORMS.items():
            try:
                graph = write_form(net, form)
                kinds[kind][precision] = run_in_child(
                    built_for, str(graph), str(folder), what=f"building {kind}", timeout_s=120
                ).value
            except ToolFailure as error:
                kinds[kind][precision] = dict.fromkeys(GPUS, error.problem)
    return {"tensorrt-rtx": installed_version("tensorrt-rtx"), "kinds": kinds}


@pytest.mark.slow
def test_the_table_is_what_is_built_now(rebuilt):
    if os.environ.get("EDGEMED_WRITE_SUPPORT"):
        TABLE.write_text(json.dumps(rebuilt, indent=1) + "\n")
        SHOWN.write_text(shown(rebuilt))
    kept = json.loads(TABLE.read_text())
    assert kept["kinds"] == rebuilt["kinds"]
    assert kept["tensorrt-rtx"] == rebuilt["tensorrt-rtx"]


def test_the_page_shows_the_table():
    assert SHOWN.read_text() == shown(json.loads(TABLE.read_text()))


def test_what_targets_promise_builds():
    """Every compute capability of a target that is built for here, in every kind and precision there is."""
    from edgemed.targets import load_target, target_names
    from edgemed.targets.target import RTX_CAPABILITIES

    kinds = json.loads(TABLE.read_text())["kinds"]
    specs = [spec for name in target_names() if (spec := load_target(name).tensorrt) is not None]
    promised = {gpu for s in specs if s.package == "tensorrt-rtx" for gpu in s.compute_capabilities}
    assert promised
    cells = [gpus for precisions in kinds.values() for gpus in precisions.values()]
    assert tuple(gpu for gpu in GPUS if any(each[gpu] == BUILDS for each in cells)) == RTX_CAPABILITIES
    for kind, precisions in kinds.items():
        for precision, gpus in precisions.items():
            if (kind, precision) not in {("LSTM", "int8"), ("GRU", "int8")}:
                assert {gpus[each] for each in promised} == {BUILDS}, (kind, precision)
