"""Models as users bring them: opsets, layouts and endings of ONNX files, and scikit-learn through skl2onnx.

Each net is trained on real X-rays, exported by the exporter of its opset's time, and compiled for both
runtimes. Four combinations cover every value of every axis; `make campaign` runs the whole grid.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from edgemed.demo.training import Labelled, Schedule, train
from edgemed.pipeline import compile_model
from edgemed.stages.job import Job
from edgemed.suite import build
from edgemed.types import DataSpec, InputRecipe, JudgeSpec, ModelSpec, Recipe, Step

NETS = ("resnet18", "mobilenet_v3")
OPSETS = (11, 13, 17)
LAYOUTS = ("CHW", "HWC")
ENDINGS = ("logits", "sigmoid", "softmax")
GRID = tuple(itertools.product(NETS, OPSETS, LAYOUTS, ENDINGS))
COVERING = (
    ("resnet18", 11, "HWC", "softmax"),
    ("resnet18", 13, "CHW", "sigmoid"),
    ("mobilenet_v3", 11, "CHW", "logits"),
    ("mobilenet_v3", 17, "HWC", "sigmoid"),
)
SIDE = 32


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "opset", "layout", "ending"),
    GRID if settings.get_current_profile_name() == "campaign" else COVERING,
)
def test_onnx_classifier(tmp_path: Path, data_dir: Path, net: str, opset: int, layout: str, ending: str):
    data = data_dir / "pneumoniamnist.npz"
    write_onnx(tmp_path / "model.onnx", trained(net, data), opset, layout, ending)
    steps = (
        Step("pad", {"size": [SIDE, SIDE]}),
        Step("layout", {"to": layout}),
        Step("gray_to_rgb"),
        Step("scale", {"by": "1/255"}),
    )
    recipe = Recipe(
        ModelSpec("model.onnx"),
        data=DataSpec(
            f"{data}::x=train_images,rows=3100:3400",
            f"{data}::x=val_images,y=val_labels",
            f"{data}::x=test_images,y=test_labels",
        ),
        inputs={"image": InputRecipe("uint8", (28, 28), "HW", steps)},
    )

    result = compile_model(Job(recipe, tmp_path, tmp_path / "out"), "test")

    (output,) = result.model.outputs
    assert (output.kind, output.columns) == ("binary", 1 if ending == "sigmoid" else 2)
    assert {name.partition("-")[0] for name in result.kept} == {"onnxruntime", "openvino"}
    for name in result.kept:
        assert result.candidate(name).verdict.outcome == "proven"  # type: ignore[union-attr]
    for backend, precision in itertools.product(("onnxruntime", "openvino"), ("fp32", "fp16", "int8")):
        found = result.candidate(f"{backend}-{precision}")
        assert found is not None
        assert found.status != "failed", found.reason
        if precision != "int8" or net == "resnet18":
            assert "does not agree" not in found.reason, found.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlp", "svm"])
def test_scikit_learn_classifier(tmp_path: Path, name: str):
    values = write_sklearn(tmp_path / "model.onnx", name)
    np.savez(tmp_path / "noise.npz", x=values[:100])
    labels = np.load(tmp_path / "labels.npy")
    np.savez(tmp_path / "select.npz", x=values[100:330], y=labels[100:330])
    np.savez(tmp_path / "accept.npz", x=values[330:], y=labels[330:])
    sets = DataSpec("noise.npz::x=x", "select.npz::x=x,y=y", "accept.npz::x=x,y=y")
    recipe = Recipe(ModelSpec("model.onnx"), data=sets, judge=JudgeSpec(gate=False))

    result = compile_model(Job(recipe, tmp_path, tmp_path / "out"), "test")

    auc = result.original.accept_figures[0].get("auc")  # type: ignore[index]
    assert auc is not None
    assert auc.value is not None
    assert auc.value > 0.97
    assert {name.partition("-")[0] for name in result.kept} == {"onnxruntime", "openvino"}
    for backend in ("onnxruntime", "openvino"):
        found = result.candidate(f"{backend}-fp32")
        assert found is not None
        assert found.status != "failed", found.reason
        assert "does not agree" not in found.reason, found.reason
        assert "refused on the acceptance set" not in found.reason, found.reason
        assert result.candidate(f"{backend}-int8") is not None


@functools.cache
def trained(net: str, data: Path) -> Any:
    """A narrow net of the suite with one logit, trained for a short time on real X-rays."""
    import torch
    from torch import nn

    class OneLogit(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = build(net, width=0.25).module

        def forward(self, image):  # type: ignore[no-untyped-def]
            return self.net(image)[:, :1]

    with np.load(data) as arrays:
        sets = [
            Labelled(tensor(arrays[f"{name}_images"][:2000]), arrays[f"{name}_labels"][:2000].ravel())
            for name in ("train", "val")
        ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = OneLogit()
        train(module, *sets, Schedule(epochs=3, rate=2e-3, weight_decay=0.01), 0, lambda what, share: None)
    return module


def tensor(images: np.ndarray) -> np.ndarray:
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2))).astype(np.float32) / 255
    return np.repeat(padded[:, None], 3, axis=1)


def write_onnx(path: Path, module: Any, opset: int, layout: str, ending: str) -> None:
    """Export with the legacy exporter, in this layout and with this ending."""
    import torch
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, image):  # type: ignore[no-untyped-def]
            logit = self.module(image.permute(0, 3, 1, 2) if layout == "HWC" else image)
            if ending == "sigmoid":
                return torch.sigmoid(logit)
            scores = torch.cat((torch.zeros_like(logit), logit), 1)
            return torch.softmax(scores, 1) if ending == "softmax" else scores

    shape = (3, SIDE, SIDE) if layout == "CHW" else (SIDE, SIDE, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Classifier().eval(), (torch.randn(2, *shape),), str(path), dynamo=False, opset_version=opset,
            input_names=["image"], output_names=["scores"], dynamic_axes={"image": {0: "n"}},
        )  # fmt: skip


def write_sklearn(path: Path, name: str) -> np.ndarray:
    """An MLP or an SVM trained on scikit-learn's breast cancer data, through skl2onnx."""
    datasets = pytest.importorskip("sklearn.datasets")
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    values, labels = datasets.load_breast_cancer(return_X_y=True)
    values = values.astype(np.float32)
    model = MLPClassifier((32, 16), random_state=0, max_iter=600) if name == "mlp" else SVC(random_state=0)
    trained = make_pipeline(StandardScaler(), model).fit(values[:200], labels[:200])
    types = [("x", skl2onnx.common.data_types.FloatTensorType([None, values.shape[1]]))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Attribute `prob", FutureWarning)
        onnx_model = skl2onnx.convert_sklearn(
            trained, initial_types=types, options={"zipmap": True} if name == "mlp" else None
        )
    path.write_bytes(onnx_model.SerializeToString())
    np.save(path.with_name("labels.npy"), labels)
    return values
