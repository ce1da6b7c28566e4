"""Models of every kind of head, and data with and without labels, compiled and used."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

pytestmark = pytest.mark.slow
HEADS = {
    "sigmoid": ({"columns": 1, "ending": "Sigmoid"}, {}, "binary"),
    "softmax": ({"columns": 2, "ending": "Softmax"}, {}, "binary"),
    "three classes": ({"columns": 3}, {"y": lambda y: np.arange(len(y)) % 3}, "multiclass"),
    "multilabel": (
        {"columns": 3, "ending": "Sigmoid"},
        {"y": lambda y: np.stack([y, 1 - y, np.arange(len(y)) % 3 == 0], 1).astype(np.int64)},
        "multilabel",
    ),
}


@pytest.mark.parametrize("head", HEADS)
def test_kind_is_found(site, helpers, head):
    model, labels, kind = HEADS[head]
    helpers.write_model(site / "model.onnx", **model)
    for seed, (name, n) in enumerate((("sel", 48), ("acc", 600))):
        x, y = helpers.signals(n, seed + 10)
        np.savez(site / f"{name}.npz", x=x, y=labels.get("y", lambda y: y)(y))
    done = site.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out")
    assert done.code == 0, done.err
    report = site.report()
    assert report["model"]["outputs"][0]["kind"] == kind
    assert report["stamps"] == []
    assert report["original"]["accept_figures"][0]["n"] == 600


def test_regression(site, helpers):
    helpers.write_model(site / "model.onnx", columns=1)
    for seed, (name, n) in enumerate((("sel", 40), ("acc", helpers.PROVABLE))):
        x, y = helpers.signals(n, seed + 10)
        np.savez(site / f"{name}.npz", x=x, y=y.astype(np.float32) * 3.5)
    (site / "recipe.toml").write_text(
        '[model]\nsource = "model.onnx"\n[data]\nselect = "sel.npz"\naccept = "acc.npz"\n'
        '[outputs.scores]\nkind = "regression"\nunit = "mL"\n'
    )
    done = site.fp32("recipe.toml", "-o", "out")
    assert done.code == 0, done.err
    assert "mean absolute" in done.out
    np.save(site / "one.npy", helpers.signals(1, 3)[0][0])
    answer = site.run("run", "out", "one.npy", "--json").json["outputs"]["scores"]
    assert answer["unit"] == "mL"


def test_two_heads(site, helpers):
    helpers.write_model(site / "model.onnx", heads=2)
    for seed, (name, n) in enumerate((("sel", 40), ("acc", helpers.PROVABLE))):
        x, y = helpers.signals(n, seed + 10)
        np.savez(site / f"{name}.npz", x=x, a=y, b=y)
    keys = "::x=x,y.head0=a,y.head1=b"
    done = site.fp32(*helpers.MODEL, "--select", f"sel.npz{keys}", "--accept", f"acc.npz{keys}", "-o", "out")
    assert done.code == 0, done.err
    assert [each["name"] for each in site.report()["model"]["outputs"]] == ["head0", "head1"]


def test_reversed_labels_are_noticed(site, helpers):
    x, y = helpers.signals(helpers.PROVABLE, 11)
    np.savez(site / "acc.npz", x=x, y=1 - y)
    site.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out").refused(
        2, "AUC for scores on the accept set", "labels and columns are in another order", "--accept"
    )
    helpers.write_set(site / "acc.npz", n=helpers.PROVABLE, seed=11)
    done = site.fp32(*helpers.MODEL, *helpers.SETS, "-o", "out")
    assert done.code == 0, done.err
    assert "order of the columns" not in done.err


def test_two_inputs_are_tried_with_an_npz(site):
    import torch

    (site / "net.py").write_text(
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.a = torch.nn.Linear(4, 1)\n"
        "        self.b = torch.nn.Linear(3, 1)\n\n"
        "    def forward(self, scan, table):\n        return self.a(scan) + self.b(table)\n"
    )
    torch.save({"a.weight": torch.ones(1, 4), "a.bias": torch.zeros(1), "b.weight": torch.ones(1, 3),
                "b.bias": torch.zeros(1)}, site / "net.pt")  # fmt: skip
    rng = np.random.default_rng(0)
    arrays = {"scan": rng.standard_normal((20, 4)), "table": rng.standard_normal((20, 3))}
    np.savez(site / "cal.npz", **{name: array.astype(np.float32) for name, array in arrays.items()})
    sets = ("--calibrate", "cal.npz::scan=scan,table=table")
    done = site.fp32("-m", "net.py:Net", "-w", "net.pt", *sets, "-o", "out")
    assert done.code == 0, done.err
    assert "edgemed run out one.npz (arrays: scan, table)" in done.out


def test_without_labels_everything_is_stamped(site, helpers):
    helpers.write_set(site / "sel.npz", seed=8, labels=False)
    done = site.fp32(*helpers.MODEL, "--select", "sel.npz", "-o", "out")
    assert done.code == 0, done.err
    assert "speed only" in done.out
    assert "the select set has no labels" in done.err
    assert site.report()["stamps"] == ["speed only", "not judged"]
    assert "speed only" in (site / "out/report.html").read_text()
    assert site.run("inspect", "out", "--json").json["stamps"] == ["speed only", "not judged"]
    shown = site.run("inspect", "out").out
    for word in ("speed only", "not judged", "none: it was not judged"):
        assert word in shown
    assert "dB" in site.report()["candidates"][0]["reason"]


def test_no_data_at_all(site, helpers):
    done = site.run("compile", *helpers.MODEL, "-o", "out", "--target", "onnxruntime")
    assert done.code == 0, done.err
    report = site.report()
    assert [each["id"] for each in report["candidates"]] == ["onnxruntime-fp32", "onnxruntime-fp16"]
    assert report["stamps"] == ["speed only", "not judged"]


@pytest.mark.parametrize("may_ship", [True, False])
def test_real_golden_cases_only_where_they_may_ship(site, may_ship):
    (site / "recipe.toml").write_text(
        '[model]\nsource = "model.onnx"\n[data]\ncalibrate = "cal.npz"\nselect = "sel.npz"\n'
        f"[golden]\nmay_ship = {str(may_ship).lower()}\n"
    )
    assert site.fp32("recipe.toml", "-o", "out").code == 0
    folder = next((site / "out/artefacts").iterdir())
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["golden_source"] == ("real" if may_ship else "synthetic")
    real = {case.tobytes() for case in np.load(site / "cal.npz")["x"]}
    stored = [case.tobytes() for case in np.load(folder / "golden.npz")["in.signal"]]
    assert [case in real for case in stored] == [may_ship] * len(stored)


def test_a_forest_that_openvino_cannot_read(site, helpers):
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier

    x = np.random.default_rng(0).standard_normal((200, 6)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    model = RandomForestClassifier(10, max_depth=4, random_state=0).fit(x[:100], y[:100])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # skl2onnx reads attributes that scikit-learn will drop
        converted = to_onnx(model, x[:1], target_opset=17, options={"zipmap": False})
    (site / "forest.onnx").write_bytes(converted.SerializeToString())
    np.savez(site / "cal.npz", x=x[100:130])
    np.savez(site / "sel.npz", x=x[130:], y=y[130:])
    flags = ("--precision", "fp32", "--precision", "int8", "--calibrate", "cal.npz", "--select", "sel.npz")
    done = site.run("compile", "-m", "forest.onnx", *flags, "-o", "out")
    assert done.code == 0, done.err
    found = {each["id"]: each for each in site.report()["candidates"]}
    assert found["onnxruntime-fp32"]["status"] == "kept"
    for name in ("openvino-fp32", "openvino-int8", "onnxruntime-int8"):
        assert found[name]["status"] == "failed"
        assert "ai.onnx.ml.TreeEnsembleClassifier" in found[name]["reason"]
