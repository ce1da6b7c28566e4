"""`.pt2` and `file.py:factory`: export, parity, and what is refused."""

from __future__ import annotations

import os
import pickle
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources import check_parity, load_trained_model
from edgemed.sources.normalise import opset_of
from edgemed.sources.parity import random_batch
from edgemed.types import InputSpec, ModelSpec

onnx = pytest.importorskip("onnx")

TABLE = (InputSpec("table", "float32", (3,)),)


def batches(inputs, sizes=(1, 2, 5)):
    return [random_batch(inputs, rows, seed=rows) for rows in sizes]


def shapes_of(values):
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


CASES = {
    "Residual": ({"image": (3, 32, 32)}, {"output": ["batch", 3]}),
    "Mobile": ({"image": (3, 32, 32)}, {"output": ["batch", 2]}),
    "Fusion": ({"image": (1, 8, 8), "table": (4,)}, {"risk": ["batch", 1], "volume": ["batch"]}),
    "Recurrent": ({"signal": (16, 2)}, {"output_0": ["batch", 2], "output_1": ["batch", 2]}),
    "Volume": ({"volume": (1, 6, 6, 6)}, {"output": ["batch", 3]}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_factory_exports_and_agrees(name, saved, tmp_path):
    shapes, outputs = CASES[name]
    trained = load_trained_model(saved(name), tmp_path)
    assert trained.input_specs() is None
    assert trained.input_names() == tuple(shapes)
    inputs = [InputSpec(key, "float32", shape) for key, shape in shapes.items()]
    out = tmp_path / "model.onnx"
    trained.export(inputs, out)
    parity = check_parity(trained, out, batches(inputs))
    assert parity.batch_sizes == (1, 2, 5)
    assert 0 <= parity.difference < 1e-4
    model = onnx.load(str(out))
    assert 18 <= opset_of(model) <= 20
    assert model.ir_version == 10
    assert shapes_of(model.graph.input) == {key: ["batch", *shape] for key, shape in shapes.items()}
    assert shapes_of(model.graph.output) == outputs
    assert str(tmp_path).encode() not in out.read_bytes()
    assert b"stack_trace" not in out.read_bytes()
    names = [node.name for node in model.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    assert sorted(path.name for path in tmp_path.glob("model.onnx*")) == ["model.onnx"]


@pytest.fixture
def pt2(nets, tmp_path):
    """`pt2(name, dynamic)` writes NAME.pt2 for a net that takes `table`."""
    import torch

    from edgemed.sources.torch_program import quiet

    def make(name, *, dynamic=True, model=None):
        shapes = {"table": {0: torch.export.Dim("n")}} if dynamic else None
        with quiet():
            program = torch.export.export(
                model or nets(name), (torch.ones(2, 3),), dynamic_shapes=shapes, strict=False
            )
            torch.export.save(program, str(tmp_path / f"{name}.pt2"))
        return ModelSpec(f"{name}.pt2")

    return make


@pytest.mark.slow
def test_pt2_knows_its_inputs_and_agrees_with_the_model(pt2, nets, tmp_path):
    import torch

    trained = load_trained_model(pt2("Tiny"), tmp_path)
    assert trained.kind == "torch.export"
    assert trained.input_specs() == TABLE
    assert trained.parameters == 4 * 3 + 4 + 4 + 1
    trained.export(TABLE, tmp_path / "out.onnx")
    check_parity(trained, tmp_path / "out.onnx", batches(TABLE))
    batch = random_batch(TABLE, 5, seed=9)
    with torch.no_grad():
        expected = nets("Tiny")(torch.from_numpy(batch["table"])).numpy()
    np.testing.assert_allclose(trained.predict(batch)[0], expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tensor", "tuple", "dict"])
def test_pt2_names_its_outputs_as_the_exported_graph_does(kind, pt2, nets, tmp_path, monkeypatch):
    import torch

    from edgemed.stages.inspection import inspect_model

    class Headed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nets("Tiny")

        def forward(self, table):
            x = self.inner(table)
            return {"tensor": x, "tuple": (x, x * 2), "dict": {"risk": x, "volume": x * 2}}[kind]

    spec = pt2("Headed", model=Headed().eval())
    monkeypatch.chdir(tmp_path)
    names = inspect_model(spec)["outputs"]
    assert names == {"tensor": ["output"], "tuple": ["output_0", "output_1"]}.get(kind, ["risk", "volume"])
    load_trained_model(spec, tmp_path).export(TABLE, tmp_path / "out.onnx")
    assert [value.name for value in onnx.load(str(tmp_path / "out.onnx")).graph.output] == names


def test_pt2_with_a_fixed_batch_is_refused(pt2, tmp_path):
    with pytest.raises(BadInput, match=r"fixed batch \(2\)") as caught:
        load_trained_model(pt2("Tiny", dynamic=False), tmp_path)
    assert "dynamic_shapes" in caught.value.remedy


def test_pt2_in_training_mode_is_refused(pt2, tmp_path):
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout(0.5)).train()

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, table):
            return self.inner(table)

    with pytest.raises(BadInput, match="training mode"):
        load_trained_model(pt2("Dropped", model=Wrapped().train()), tmp_path)


def test_pt2_with_nan_weights_is_refused(pt2, nets, tmp_path):
    model = nets("Tiny")
    model.head.bias.data[0] = float("nan")
    with pytest.raises(BadInput, match=r"head\.bias holds NaN"):
        load_trained_model(pt2("Tiny", model=model), tmp_path)


def test_truncated_pt2_is_refused(pt2, tmp_path):
    spec = pt2("Tiny")
    path = tmp_path / spec.source
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadInput, match="truncated"):
        load_trained_model(spec, tmp_path)


def test_an_encrypted_a_torn_and_a_swollen_pt2_are_refused(pt2, tmp_path, monkeypatch):
    spec = pt2("Tiny")
    path = tmp_path / spec.source
    with zipfile.ZipFile(path) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in contents.items():
            new.writestr(name, content)
    whole = path.read_bytes()
    locked = bytearray(whole)
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = locked.find(signature)
        while place >= 0:
            locked[place + flags] |= 1
            place = locked.find(signature, place + 1)
    path.write_bytes(locked)
    with pytest.raises(BadInput, match=r"truncated or not a \.pt2 .*encrypted"):
        load_trained_model(spec, tmp_path)
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as archive:
        entry = next(each for each in archive.infolist() if each.filename.endswith("models/model.json"))
    torn = bytearray(whole)
    start = entry.header_offset + 30 + len(entry.filename)
    torn[start : start + 40] = b"\xff" * 40
    path.write_bytes(torn)
    with pytest.raises(BadInput, match="truncated"):
        load_trained_model(spec, tmp_path)
    path.write_bytes(whole)
    monkeypatch.setattr("edgemed.sources.exported.LARGEST_BYTES", len(whole))
    with pytest.raises(BadInput, match="larger than 2 GB unpacked"):
        load_trained_model(spec, tmp_path)


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_pt2_with_a_pickle_is_refused_and_not_run(pt2, tmp_path):
    spec = pt2("Tiny")
    path = tmp_path / spec.source
    with zipfile.ZipFile(path) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in contents.items():
            bad = name.endswith("sample_inputs/model.pt")
            new.writestr(name, pickle.dumps(Bomb(tmp_path / "ran")) if bad else content)
    with pytest.raises(BadInput, match="runs code"):
        load_trained_model(spec, tmp_path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("entry", "old", "new", "message"),
    [
        ("model_weights_config.json", b'"use_pickle": false', b'"use_pickle": true', "stored as pickles"),
        ("model_weights_config.json", b'"weight_0"', b'"opaque_obj_0"', "not a tensor"),
        ("models/model.json", b"Symbol('", b"__import__('os').getcwd() or Symbol('", "not an expression"),
        ("models/model.json", b"Symbol('", b"eval('", "not an expression"),
    ],
)
def test_pt2_that_would_run_code_is_refused(entry, old, new, message, pt2, tmp_path):
    spec = pt2("Tiny")
    path = tmp_path / spec.source
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            if name.endswith(entry):
                assert old in content
                content = content.replace(old, new)
            archive.writestr(name, content)
    with pytest.raises(BadInput, match=message):
        load_trained_model(spec, tmp_path)


@pytest.mark.slow
def test_pt2_with_constants_and_a_mask_is_read(pt2, tmp_path):
    import torch

    class Masked(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mask", torch.tensor([[0.0, 0.0, float("-inf")]]))
            self.scale = torch.tensor([1.0, 2.0, 3.0])

        def forward(self, table):
            return torch.softmax(table * self.scale + self.mask, 1)

    trained = load_trained_model(pt2("Masked", model=Masked().eval()), tmp_path)
    trained.export(TABLE, tmp_path / "out.onnx")
    check_parity(trained, tmp_path / "out.onnx", batches(TABLE))


def test_pickle_as_weights_is_refused_and_not_run(saved, tmp_path):
    import torch

    spec = saved("Tiny")
    torch.save({"head.bias": Bomb(tmp_path / "ran")}, tmp_path / "Tiny.pt")
    with pytest.raises(BadInput, match=r"would run code.*mkdir") as caught:
        load_trained_model(spec, tmp_path)
    assert not (tmp_path / "ran").exists()
    assert "safetensors" in caught.value.remedy


def test_safetensors_and_wrapped_state_dicts_give_the_same_model(saved, nets, tmp_path):
    import torch
    from safetensors.torch import save_file

    spec = saved("Tiny")
    state = nets("Tiny").state_dict()
    save_file(state, tmp_path / "t.safetensors")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "wrapped.pth")
    batch = random_batch(TABLE, 2, seed=0)
    first = load_trained_model(spec, tmp_path)
    for weights in ("t.safetensors", "wrapped.pth"):
        other = load_trained_model(ModelSpec(spec.source, weights), tmp_path)
        np.testing.assert_array_equal(first.predict(batch)[0], other.predict(batch)[0])
        assert other.digest != first.digest
    assert load_trained_model(spec, tmp_path).digest == first.digest


def test_digest_follows_source_and_arguments(saved, tmp_path):
    first = load_trained_model(saved("Tiny"), tmp_path).digest
    with_argument = load_trained_model(ModelSpec("nets.py:Tiny", "Tiny.pt", {"width": 4}), tmp_path).digest
    (tmp_path / "nets.py").write_text((tmp_path / "nets.py").read_text() + "\n# changed\n")
    edited = load_trained_model(ModelSpec("nets.py:Tiny", "Tiny.pt"), tmp_path).digest
    assert len({first, with_argument, edited}) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("head.bias"), r"missing: head\.bias"),
        (lambda s: s.update(extra=s["head.bias"]), "unexpected: extra"),
        (lambda s: s.update({"head.bias": s["hidden.bias"]}), r"head\.bias \[4\] for \[1\]"),
        (lambda s: s["hidden.weight"].fill_(float("nan")), r"hidden\.weight holds NaN \(12 of 12"),
        (lambda s: s["hidden.bias"].fill_(float("inf")), r"hidden\.bias holds infinity"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message, saved, tmp_path):
    import torch

    spec = saved("Tiny")
    state = torch.load(tmp_path / "Tiny.pt", weights_only=True)
    change(state)
    torch.save(state, tmp_path / "Tiny.pt")
    with pytest.raises(BadInput, match=message):
        load_trained_model(spec, tmp_path)


@pytest.mark.parametrize("name", ["Tiny.pt", "t.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_truncated_weights_are_refused(name, share, saved, nets, tmp_path):
    from safetensors.torch import save_file

    saved("Tiny")
    save_file(nets("Tiny").state_dict(), tmp_path / "t.safetensors")
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadInput, match="truncated"):
        load_trained_model(ModelSpec("nets.py:Tiny", name), tmp_path)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec("nets.py:Tiny", "none.pt"), "no file none.pt"),
        (ModelSpec("nets.py:Tiny"), "needs trained weights"),
        (ModelSpec("nets.py:Tinny", "Tiny.pt"), "no function 'Tinny'"),
        (ModelSpec("nets.py", "Tiny.pt"), "names no factory"),
        (ModelSpec("other.py:Tiny", "Tiny.pt"), "no file other.py"),
        (ModelSpec("nets.py:Tiny", "Tiny.pt", {"depth": 2}), "unexpected keyword argument 'depth'"),
        (ModelSpec("nets.py:torch", "Tiny.pt"), "no function 'torch'"),
        (ModelSpec("nets.py:Tiny", "nets.py"), "not a file of weights"),
        (ModelSpec("model.h5"), "not a trained model"),
        (ModelSpec("none.pt2"), "no file none.pt2"),
        (ModelSpec("none.onnx"), "no file none.onnx"),
    ],
)
def test_bad_specs_are_refused(spec, message, saved, tmp_path):
    saved("Tiny")
    with pytest.raises(BadInput, match=message):
        load_trained_model(spec, tmp_path)


def test_a_file_named_like_a_standard_module_hides_nothing(saved, tmp_path):
    spec = saved("Tiny")
    (tmp_path / "nets.py").rename(tmp_path / "nt.py")
    path = list(sys.path)
    before = sys.modules.get("nt")
    load_trained_model(ModelSpec("nt.py:Tiny", spec.weights), tmp_path)
    assert sys.path == path
    assert sys.modules.get("nt") is before
    assert not (tmp_path / "__pycache__").exists()


def test_an_import_that_fails_names_line_and_module(saved, tmp_path):
    saved("Tiny")
    (tmp_path / "nets.py").write_text("import no_such_package_here\n")
    with pytest.raises(BadInput, match="cannot be imported") as caught:
        load_trained_model(ModelSpec("nets.py:Tiny", "Tiny.pt"), tmp_path)
    assert caught.value.where == "nets.py:1: import no_such_package_here"
    assert "install no_such_package_here" in caught.value.remedy
    assert "PYTHONPATH=FOLDER" in caught.value.remedy


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("import argparse; argparse.ArgumentParser().parse_args(['--epochs'])", "nets.py:1: "),
        ("def Tiny():\n    raise SystemExit('no GPU')", "nets.py:2: raise SystemExit('no GPU')"),
    ],
)
def test_a_file_that_ends_the_program_is_named(line, where, saved, tmp_path, capfd):
    saved("Tiny")
    (tmp_path / "nets.py").write_text(line + "\n")
    with pytest.raises(BadInput, match=r"ends the program \(SystemExit .*__main__") as caught:
        load_trained_model(ModelSpec("nets.py:Tiny", "Tiny.pt"), tmp_path)
    assert caught.value.where.startswith(where)


def test_torchscript_is_not_called_truncated(saved, nets, tmp_path):
    import torch

    from edgemed.sources.torch_program import quiet

    saved("Tiny")
    with quiet():
        torch.jit.save(torch.jit.trace(nets("Tiny"), torch.ones(1, 3)), str(tmp_path / "script.pt"))
    with pytest.raises(BadInput, match=r"script\.pt is a TorchScript program") as caught:
        load_trained_model(ModelSpec("nets.py:Tiny", "script.pt"), tmp_path)
    assert "state_dict()" in caught.value.remedy


def test_a_branch_on_data_is_refused_with_its_line(saved, tmp_path, capfd):
    trained = load_trained_model(saved("Branch"), tmp_path)
    with pytest.raises(BadInput, match="cannot follow") as caught:
        trained.export(TABLE, tmp_path / "out.onnx")
    assert caught.value.where.startswith("nets.py:")
    assert "if table.sum() > 0:" in caught.value.where
    assert not (tmp_path / "out.onnx").exists()
    assert capfd.readouterr() == ("", "")


def test_a_frozen_batch_is_refused(saved, tmp_path):
    trained = load_trained_model(saved("Frozen"), tmp_path)
    with pytest.raises(BadInput, match="batch"):
        trained.export(TABLE, tmp_path / "out.onnx")


def test_shapes_that_do_not_fit_are_refused(saved, tmp_path):
    trained = load_trained_model(saved("Tiny"), tmp_path)
    with pytest.raises(BadInput, match=r"table \[2, 7\]|mat1 and mat2"):
        trained.export([InputSpec("table", "float32", (7,))], tmp_path / "out.onnx")


@pytest.mark.parametrize(
    ("name", "message"),
    [("Constant", "for every input"), ("Overflow", "NaN or infinite"), ("Restless", "two answers")],
)
@pytest.mark.slow
def test_useless_outputs_are_refused(name, message, saved, tmp_path):
    trained = load_trained_model(saved(name), tmp_path)
    out = tmp_path / "out.onnx"
    trained.export(TABLE, out)
    with pytest.raises(BadInput, match=message):
        check_parity(trained, out, batches(TABLE))


@pytest.mark.slow
def test_random_values_may_lie_where_the_model_is_not_defined(saved, tmp_path):
    trained = load_trained_model(saved("Overflow"), tmp_path)
    trained.export(TABLE, tmp_path / "out.onnx")
    real = {"table": np.abs(random_batch(TABLE, 8, seed=0)["table"]) + 0.1}
    parity = check_parity(trained, tmp_path / "out.onnx", [*batches(TABLE), real])
    assert parity.difference <= parity.tolerance < 1


@pytest.mark.slow
def test_a_mismatch_names_the_first_layer_and_its_line(saved, tmp_path):
    trained = load_trained_model(saved("Residual"), tmp_path)
    inputs = [InputSpec("image", "float32", (3, 32, 32))]
    out = tmp_path / "model.onnx"
    trained.export(inputs, out)
    model = onnx.load(str(out))
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    weight = next(w for w in model.graph.initializer if w.name == convolutions[1].input[1])
    changed = onnx.numpy_helper.to_array(weight).copy()
    changed[0, 0] += 1
    weight.CopyFrom(onnx.numpy_helper.from_array(changed, weight.name))
    onnx.save(model, str(out))
    with pytest.raises(
        ToolFailure, match=rf"first layer that differs is {convolutions[1].output[0]} \(Conv\)"
    ) as caught:
        check_parity(trained, out, batches(inputs))
    assert caught.value.where.startswith("nets.py:")
    assert "self.bn1(self.conv1(x))" in caught.value.where
