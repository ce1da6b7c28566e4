"""Bad input: what is wrong, where, what to do next; exit code 2, no traceback, nothing that looks done."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

SELECT = ("--select", "sel.npz")
NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.head = nn.Linear(width, 2)

    def forward(self, image):
        return self.head(torch.relu(self.conv(image)).mean((2, 3)))


def build(width=4):
    return Net(width)


def needs(width):
    return Net(width)


def broken():
    return Net().nothing
"""


class _Evil:
    def __reduce__(self):
        return os.mkdir, ("it-ran",)


def _spoiled(site, name, spoil, helpers):
    x, y = helpers.signals(40, 5)
    arrays = spoil(x, y)
    np.savez(site / name, **dict(zip(("x", "y"), arrays, strict=False)))


def _nan(x, y):
    x[7, 0, 3] = np.nan
    return x, y


DATA = {
    "NaN": (_nan, "--select", ("NaN or infinite", "x[7] in bad.npz", "--skip-bad")),
    "labels out of range": (lambda x, y: (x, y + 5), "--select", ("label 5", "y[0] in bad.npz")),
    "one class": (lambda x, y: (x, y * 0), "--select", ("one class only", "no positive", "--select")),
    "one sample": (lambda x, y: (x[:1],), "--calibrate", ("has 1 samples; at least 2", "--calibrate")),
    "no sample": (lambda x, y: (x[:0],), "--calibrate", ("the set is empty", "bad.npz")),
    "another shape": (lambda x, y: (x[:, :, :50], y), "--select", ("[2, 50]", "[2, 64]", "bad.npz")),
    "lengths differ": (lambda x, y: (x, y[:20]), "--select", ("x 40, y 20", "bad.npz")),
}
NEEDS_HEADS = ("labels out of range", "one class", "lengths differ")
"""Until the model is exported, nothing is known of its outputs; all else is refused before."""


@pytest.mark.parametrize("case", DATA)
def test_data(site, helpers, case):
    spoil, role, words = DATA[case]
    _spoiled(site, "bad.npz", spoil, helpers)
    done = site.fp32(*helpers.MODEL, role, "bad.npz", "-o", "out")
    message = done.refused(2, *words)
    assert str(site.folder) not in message
    assert not (site / "out/artefacts").exists()
    if case not in NEEDS_HEADS:
        assert not list(site.folder.glob("out/.cache/graph-*"))


def test_nan_in_the_calibration_set_is_named(site, helpers):
    _spoiled(site, "bad.npz", _nan, helpers)
    site.fp32(*helpers.MODEL, "--calibrate", "bad.npz").refused(2, "NaN or infinite", "x[7] in bad.npz")


def test_skip_bad_counts_and_goes_on(site, helpers):
    _spoiled(site, "bad.npz", _nan, helpers)
    done = site.fp32(*helpers.MODEL, "--select", "bad.npz", "--skip-bad", "-o", "out")
    assert done.code == 0, done.err
    warning = "1 of 40 samples of the select set cannot be read and are left out: x[7]"
    assert warning in done.err
    report = site.report()
    assert report["data"][0]["skipped"] == ["x[7]"]
    assert report["data"][0]["n"] == 39
    assert warning in report["warnings"]


FLAGS = {
    "missing model": (("-m", "modell.onnx"), ("no file modell.onnx", "model.source")),
    "unknown kind of model": (("-m", "cal.npz"), ("is not a trained model", "model.onnx")),
    "missing set": (
        ("-m", "model.onnx", "--select", "se.npz"),
        ("no such file or folder: se.npz", "'sel.npz'"),
    ),
    "bad reference": (("-m", "model.onnx", "--select", "sel.npz::q"), ("'q' is not key=value", "--select")),
    "unknown array": (("-m", "model.onnx", "--select", "sel.npz::y=z"), ("'z'", "sel.npz")),
    "accept without select": (
        ("-m", "model.onnx", "--accept", "acc.npz"),
        ("without a selection set", "split"),
    ),
    "same content in two sets": (
        ("-m", "model.onnx", "--select", "sel.npz", "--accept", "sel.npz"),
        ("40 cases are in both the select and the accept set, such as x[0] = x[0], x[1] = x[1]",),
    ),
    "unknown target": (("-m", "model.onnx", "--target", "onnxruntme"), ("did you mean 'onnxruntime'?",)),
    "unknown precision": (("-m", "model.onnx", "--precision", "int4"), ("'int4' is not one of",)),
    "no candidate": (
        ("-m", "model.onnx", "--target", "onnxruntime", "--precision", "bf16"),
        ("bf16 asked for, fp32, fp16, int8 offered",),
    ),
    "int8 without calibration": (
        ("-m", "model.onnx", "--precision", "int8"),
        ("int8 needs a calibration set", "give --calibrate SET"),
    ),
    "out is a file": (
        ("-m", "model.onnx", "-o", "cal.npz"),
        ("cannot write to the output folder", "--out cal.npz"),
    ),
    "neither": ((), ("neither a recipe nor a model", "edgemed compile recipe.toml")),
    "a model as the recipe": (("model.onnx",), ("is a model, not a recipe", "edgemed compile -m model.onnx")),
    "missing recipe": (("recipe.toml",), ("cannot read the recipe", "edgemed init -m MODEL")),
}


@pytest.mark.parametrize("case", FLAGS)
def test_flags(site, case):
    flags, words = FLAGS[case]
    site.run("compile", "-o", "out", *flags).refused(2, *words)
    assert not list(site.folder.glob("out/.cache/graph-*"))


def test_a_set_is_located_where_it_is_named(site):
    (site / "recipe.toml").write_text(
        '[model]\nsource = "model.onnx"\n[data]\ncalibrate = "cal.npz"\nselect = "sel.npz"\n'
    )
    twice = ("compile", "recipe.toml", "--accept", "cal.npz")
    site.run(*twice).refused(
        2,
        "40 cases are in both the calibrate and the accept set",
        "where: data.calibrate and --accept in recipe.toml",
    )
    (site / "sel.npz").unlink()
    for mode in ((), ("--dry-run",)):
        site.run("compile", "recipe.toml", *mode).refused(2, "where: data.select sel.npz in recipe.toml")


RECIPES = {
    "not TOML": ("this is = = not", ("not valid TOML", "line 1", "recipe.toml")),
    "unknown key": (
        'nme = "x"\n[model]\nsource = "model.onnx"',
        ("unknown key 'nme'", "did you mean 'name'?"),
    ),
    "unknown key in a table": (
        '[model]\nsource = "model.onnx"\n[data]\ncalibrat = "cal.npz"',
        ("unknown key 'calibrat'", "data in recipe.toml", "did you mean 'calibrate'?"),
    ),
    "wrong type": (
        'seed = "a"\n[model]\nsource = "model.onnx"',
        ("expected int, found 'a'", "seed in recipe.toml"),
    ),
    "no model": ('name = "x"', ("missing key 'model'", "recipe.toml")),
    "threads": ('threads = 0\n[model]\nsource = "model.onnx"', ("0 is too small", "threads in recipe.toml")),
    "samples": (
        '[model]\nsource = "model.onnx"\n[quantise]\nsamples = 1',
        ("1 is too small", "quantise.samples"),
    ),
    "cases": ('[model]\nsource = "model.onnx"\n[golden]\ncases = 0', ("0 is too small", "golden.cases")),
    "per cent": ('[model]\nsource = "model.onnx"\n[agreement]\ndecisions = 99', ("so 0.99 for 99 %",)),
    "name": ('name = "../x"\n[model]\nsource = "model.onnx"', ("name '../x'", "name in recipe.toml")),
    "threshold": (
        '[model]\nsource = "model.onnx"\n[outputs.scores]\nthreshold = 1.5',
        ("1.5 is not between",),
    ),
    "unknown input": ('[model]\nsource = "model.onnx"\n[inputs.signl]', ("no input 'signl'", "'signal'")),
    "unknown output": ('[model]\nsource = "model.onnx"\n[outputs.score]', ("no output 'score'", "'scores'")),
    "number of labels": (
        '[model]\nsource = "model.onnx"\n[outputs.scores]\nlabels = ["a", "b", "c"]',
        ("3 labels for an output of 2 columns",),
    ),
    "unknown step": (
        '[model]\nsource = "model.onnx"\n[inputs.signal]\nsteps = [{op = "zscore"}]',
        ("unknown step 'zscore'", "'z_score'"),
    ),
    "training function": (
        '[model]\nsource = "model.onnx"\n[inputs.signal]\ntraining_function = "train.py:f"',
        ("no file train.py", "inputs.signal.training_function"),
    ),
    "training function without its name": (
        '[model]\nsource = "model.onnx"\n[inputs.signal]\ntraining_function = "train.py"',
        ("'train.py' is not of the form file.py:function", "inputs.signal.training_function"),
    ),
}


@pytest.mark.parametrize("case", RECIPES)
def test_recipes(site, case):
    text, words = RECIPES[case]
    (site / "recipe.toml").write_text(text)
    site.run("compile", "recipe.toml", "-o", "out").refused(2, *words)
    exported = list(site.folder.glob("out/.cache/graph-*"))
    assert not exported or case == "number of labels", "refused before the export"


@pytest.mark.parametrize("content", [b"", os.urandom(2000), "half"], ids=["empty", "noise", "half"])
def test_damaged_onnx(site, content):
    whole = (site / "model.onnx").read_bytes()
    (site / "bad.onnx").write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    site.run("compile", "-m", "bad.onnx").refused(
        2, "bad.onnx is truncated or not an ONNX file", "copy it again"
    )


def test_a_model_that_ignores_its_input(site, helpers):
    helpers.write_model(site / "dead.onnx", spoil=lambda weights: weights["w0"].fill(0))
    site.run("compile", "-m", "dead.onnx").refused(2, "for every input", "dead.onnx")


def test_nan_in_weights(site, helpers):
    helpers.write_model(site / "nan.onnx", spoil=lambda weights: weights["kernel"].fill(np.nan))
    site.run("compile", "-m", "nan.onnx").refused(2, "kernel holds NaN", "nan.onnx", "earlier checkpoint")


@pytest.fixture(scope="module")
def torch_site(tmp_path_factory):
    """`net.py` with its weights, whole and damaged."""
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("torch")
    (folder / "net.py").write_text(NET)
    space: dict = {}
    exec(NET, space)
    torch.manual_seed(0)
    state = space["Net"]().state_dict()
    save_file(state, folder / "net.safetensors")
    torch.save(state, folder / "net.pt")
    for name in ("net.safetensors", "net.pt"):
        whole = (folder / name).read_bytes()
        (folder / f"half-{name}").write_bytes(whole[: len(whole) // 2])
    torch.save({"weight": _Evil()}, folder / "evil.pt")
    (folder / "evil-old.pt").write_bytes(pickle.dumps(_Evil()))
    (folder / "noise.pt2").write_bytes(os.urandom(1000))
    return folder


TORCH = {
    "missing weights": (("net.py:build", "nt.safetensors"), ("no file nt.safetensors", "model.weights")),
    "no weights": (("net.py:build", ""), ("a factory needs trained weights",)),
    "truncated safetensors": (("net.py:build", "half-net.safetensors"), ("is truncated", "copy it again")),
    "truncated pt": (("net.py:build", "half-net.pt"), ("is truncated", "copy it again")),
    "pickle that runs code": (("net.py:build", "evil.pt"), ("would run code", "nothing in it was run")),
    "old pickle that runs code": (
        ("net.py:build", "evil-old.pt"),
        ("would run code", "nothing in it was run"),
    ),
    "factory that raises": (
        ("net.py:broken", "net.pt"),
        ("broken() failed", "net.py:", "no attribute 'nothing'"),
    ),
    "factory without its argument": (("net.py:needs", "net.pt"), ("missing 1 required", "'width'")),
    "no such factory": (("net.py:biuld", "net.pt"), ("no function 'biuld'", "did you mean 'build'?")),
    "shape not known": (
        ("net.py:build", "net.pt"),
        ("shape of input 'image' is not known", "[inputs.image]"),
    ),
    "noise as pt2": (("noise.pt2", ""), ("truncated or not a .pt2 file",)),
}


@pytest.mark.parametrize("case", TORCH)
def test_torch_models(torch_site: Path, helpers, case):
    (model, weights), words = TORCH[case]
    flags = ("-m", model, *(("-w", weights) if weights else ()))
    helpers.Site(torch_site).run("compile", *flags).refused(2, *words)
    assert not (torch_site / "it-ran").exists()


def test_an_unreadable_picture_in_the_middle_of_a_folder(torch_site: Path, helpers):
    from PIL import Image

    rng = np.random.default_rng(0)
    for role in ("cal", "sel"):
        for index in range(12):
            folder = torch_site / role / "ab"[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            picture = rng.integers(0, 120, (16, 16)) + 100 * (index % 2)
            Image.fromarray(picture.astype(np.uint8)).save(folder / f"{index:02}.png")
    (torch_site / "sel/a/04.png").write_bytes(b"\x89PNG and no more")
    (torch_site / "recipe.toml").write_text(
        '[model]\nsource = "net.py:build"\nweights = "net.pt"\n'
        '[data]\ncalibrate = "cal"\nselect = "sel"\n'
        '[inputs.image]\ndtype = "uint8"\nshape = [16, 16]\nlayout = "HW"\n'
        'steps = [{op = "layout", to = "CHW"}, {op = "scale", by = "1/255"}]\n'
        '[outputs.output]\nending = "logits"\n'
    )
    site = helpers.Site(torch_site)
    site.fp32("recipe.toml", "-o", "out").refused(2, "a/04.png in sel", "--skip-bad")
    done = site.fp32("recipe.toml", "-o", "out", "--skip-bad")
    assert done.code == 0, done.err
    report = site.report()
    assert {stage["name"]: stage["cached"] for stage in report["stages"]}.items() >= {
        ("inputs", True),
        ("graph", False),
    }
    assert {each["role"]: each["skipped"] for each in report["data"]} == {
        "calibrate": [],
        "select": ["a/04.png"],
    }
