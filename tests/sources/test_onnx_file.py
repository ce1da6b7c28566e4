"""`.onnx`: old opsets, layouts, fixed batch, scikit-learn, and what is refused."""

from __future__ import annotations

import graphs
import numpy as np
import pytest

from edgemed.errors import BadInput, ToolFailure
from edgemed.sources import check_parity, finish, load_trained_model
from edgemed.sources.normalise import opset_of
from edgemed.sources.parity import random_batch
from edgemed.types import InputSpec, ModelSpec, OutputSpec

onnx = pytest.importorskip("onnx")

IMAGE = (InputSpec("image", "float32", (3, 32, 32)),)


def batches(inputs, sizes=(1, 2, 5)):
    return [random_batch(inputs, rows, seed=rows) for rows in sizes]


def rows_of(values):
    return [v.type.tensor_type.shape.dim[0].dim_param for v in values]


def brought_in(name, inputs, tmp_path):
    trained = load_trained_model(ModelSpec(name), tmp_path)
    out = tmp_path / "out.onnx"
    trained.export(inputs, out)
    parity = check_parity(trained, out, batches(inputs))
    return trained, onnx.load(str(out)), parity


@pytest.mark.parametrize("opset", [11, 13, 17])
@pytest.mark.parametrize("net", ["Residual", "Mobile"])
def test_old_opsets_are_brought_to_18(net, opset, nets, legacy, tmp_path):
    trained, model, parity = brought_in(legacy(nets(net), (3, 32, 32), opset), IMAGE, tmp_path)
    assert trained.input_specs() == IMAGE
    assert trained.notes == ()
    assert trained.parameters > 300
    assert opset_of(model) == 18
    assert model.ir_version == 10
    assert parity.difference < 1e-5
    assert rows_of([*model.graph.input, *model.graph.output]) == ["batch", "batch"]


@pytest.mark.parametrize("opset", [11, 17])
def test_a_channels_last_file_keeps_its_layout(opset, nets, legacy, tmp_path):
    import torch

    class ChannelsLast(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nets("Residual")

        def forward(self, image):
            return self.inner(image.permute(0, 3, 1, 2))

    inputs = (InputSpec("image", "float32", (32, 32, 3)),)
    trained, _, _ = brought_in(legacy(ChannelsLast().eval(), (32, 32, 3), opset), inputs, tmp_path)
    assert trained.input_specs() == inputs


@pytest.mark.parametrize("opset", [11, 13])
def test_a_fixed_batch_of_one_is_freed(opset, nets, legacy, tmp_path):
    name = legacy(nets("Residual"), (3, 32, 32), opset, dynamic=False)
    old = onnx.load(str(tmp_path / name))
    assert old.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 1
    trained, model, parity = brought_in(name, IMAGE, tmp_path)
    assert parity.batch_sizes == (1, 2, 5)
    assert rows_of([*model.graph.input, *model.graph.output]) == ["batch", "batch"]
    assert trained.predict(random_batch(IMAGE, 4, seed=0))[0].shape == (4, 3)


def test_a_reshape_to_one_row_is_freed(nets, legacy, tmp_path):
    import torch

    class Flat(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 2, 3)
            self.head = torch.nn.Linear(2 * 30 * 30, 2)

        def forward(self, image):
            return self.head(self.conv(image).view(1, -1))

    _, model, _ = brought_in(legacy(Flat().eval(), (3, 32, 32), 13, dynamic=False), IMAGE, tmp_path)
    assert rows_of(model.graph.output) == ["batch"]


def test_a_batch_that_is_really_fixed_is_refused(legacy, tmp_path):
    import torch

    class Mixing(torch.nn.Module):
        def forward(self, image):
            return image.reshape(3, 1024).sum(1).reshape(1, 3) + image.sum((2, 3)) / image.std()

    name = legacy(Mixing().eval(), (3, 32, 32), 13, dynamic=False)
    with pytest.raises(BadInput, match="batch is fixed at 1") as caught:
        load_trained_model(ModelSpec(name), tmp_path).export(IMAGE, tmp_path / "out.onnx")
    assert "dynamic" in caught.value.remedy
    assert not (tmp_path / "out.onnx").exists()


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_float_inputs_become_float32(dtype, legacy, tmp_path):
    import torch

    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)).to(getattr(torch, dtype)).eval()
    inputs = (InputSpec("image", "float32", (3, 2, 2)),)
    name = legacy(model, (3, 2, 2), 13, dtype=getattr(torch, dtype))
    _, made, _ = brought_in(name, inputs, tmp_path)
    assert made.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_external_data_is_read_and_part_of_the_digest(nets, legacy, tmp_path):
    name = legacy(nets("Residual"), (3, 32, 32), 17)
    model = onnx.load(str(tmp_path / name))
    onnx.save(
        model, str(tmp_path / "ext.onnx"), save_as_external_data=True, location="ext.bin", size_threshold=0
    )
    trained, _, _ = brought_in("ext.onnx", IMAGE, tmp_path)
    content = bytearray((tmp_path / "ext.bin").read_bytes())
    content[2] ^= 1
    (tmp_path / "ext.bin").write_bytes(content)
    assert load_trained_model(ModelSpec("ext.onnx"), tmp_path).digest != trained.digest
    (tmp_path / "ext.bin").write_bytes(content[:100])
    with pytest.raises(BadInput, match=r"ext\.onnx|truncated"):
        load_trained_model(ModelSpec("ext.onnx"), tmp_path)
    (tmp_path / "ext.bin").unlink()
    with pytest.raises(BadInput, match=r"keeps weights in ext\.bin"):
        load_trained_model(ModelSpec("ext.onnx"), tmp_path)


def test_free_sizes_are_taken_from_the_recipe(nets, legacy, tmp_path):
    name = legacy(nets("Residual"), (3, 32, 32), 17)
    model = onnx.load(str(tmp_path / name))
    for dim, free in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], "hw", strict=True):
        dim.dim_param = free
    onnx.save(model, str(tmp_path / "free.onnx"))
    assert load_trained_model(ModelSpec("free.onnx"), tmp_path).input_specs() is None
    inputs = (InputSpec("image", "float32", (3, 48, 40)),)
    _, made, _ = brought_in("free.onnx", inputs, tmp_path)
    assert [d.dim_value for d in made.graph.input[0].type.tensor_type.shape.dim] == [0, 3, 48, 40]
    with pytest.raises(BadInput, match=r"\[1, 48, 40\].*\[3, 'any', 'any'\]"):
        load_trained_model(ModelSpec("free.onnx"), tmp_path).export(
            [InputSpec("image", "float32", (1, 48, 40))], tmp_path / "out.onnx"
        )


def sklearn_file(model, features, classes, tmp_path, options=None):
    from skl2onnx import to_onnx

    draw = np.random.default_rng(0)
    values = draw.normal(size=(120, features)).astype(np.float32)
    target = np.digitize(values[:, 0] + 0.3 * values[:, 1], np.linspace(-0.5, 0.5, classes - 1))
    model.fit(values, target)
    made = to_onnx(model, values[:1], options={id(model): options} if options else None)
    (tmp_path / "sk.onnx").write_bytes(made.SerializeToString())
    return values


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn.*")
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["mlp", "svc", "svc_scores"])
def test_scikit_learn_models(name, classes, zipmap, tmp_path):
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import SVC

    model = {
        "mlp": lambda: MLPClassifier((8,), max_iter=30, random_state=0),
        "svc": lambda: SVC(probability=True, random_state=0),
        "svc_scores": lambda: SVC(probability=False),
    }[name]()
    values = sklearn_file(model, 5, classes, tmp_path, None if zipmap else {"zipmap": False})
    inputs = (InputSpec("X", "float32", (5,)),)
    trained, made, _ = brought_in("sk.onnx", inputs, tmp_path)
    reversed_or_coupled = (name == "svc_scores" and classes == 2) or (name == "svc" and classes == 3)
    assert bool(trained.notes) == reversed_or_coupled
    assert not {"ZipMap", "ArgMax"} & {node.op_type for node in made.graph.node}
    assert len(made.graph.output) == 1
    specs = finish(tmp_path / "out.onnx", tmp_path / "fin.onnx", {}, {"X": values})
    assert [spec.kind for spec in specs] == ["binary" if classes == 2 else "multiclass"]
    assert specs[0].columns == classes
    from edgemed.sources.reference import reference_session

    probabilities = reference_session(tmp_path / "fin.onnx").run(None, {"X": values})[0]
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    if name == "svc_scores":
        assert (probabilities.argmax(1) == model.predict(values)).mean() > 0.98
    else:
        np.testing.assert_allclose(probabilities, model.predict_proba(values), atol=2e-4)


@pytest.mark.filterwarnings("ignore::FutureWarning:sklearn.*")
@pytest.mark.parametrize("probability", [True, False])
def test_a_fixed_batch_is_straightened_on_many_rows(probability, tmp_path):
    """Platt's probabilities and `predict` part near the boundary: one row would have turned the columns."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.svm import SVC

    draw = np.random.default_rng(0)
    values = draw.normal(size=(200, 4)).astype(np.float32)
    target = (values[:, 0] + draw.normal(size=200) > 0.8).astype(int)
    model = SVC(probability=probability, random_state=0).fit(values, target)
    made = to_onnx(model, initial_types=[("X", FloatTensorType([1, 4]))])
    (tmp_path / "one.onnx").write_bytes(made.SerializeToString())
    trained = load_trained_model(ModelSpec("one.onnx"), tmp_path)
    assert bool(trained.notes) == (not probability)
    scores = trained.predict({"X": values})[0]
    if probability:
        assert (scores.argmax(1) == model.predict(values)).mean() < 1
        np.testing.assert_allclose(scores, model.predict_proba(values), atol=2e-4)
    else:
        np.testing.assert_array_equal(scores.argmax(1), model.predict(values))


S = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
OWN = (S > 0).astype(int)


@pytest.mark.parametrize(
    ("second", "first", "labels", "expected"),
    [
        (S, -S, OWN, False),
        (-S, S, OWN, True),
        (-S, S, np.ones(6, int), None),
        (S / 9 + 0.3, 0.7 - S / 9, OWN, False),
        (S / 9 + 0.3, 0.7 - S / 9, np.ones(6, int), False),
        (0.7 - S / 9, S / 9 + 0.3, OWN, None),
        (-S, S, np.array([0, 0, 1, 1, 0, 0]), None),
        (np.where(OWN, -S, np.nan), np.where(OWN, S, np.nan), OWN, True),
    ],
)
def test_only_raw_scores_are_turned_and_doubt_is_refused(second, first, labels, expected):
    from edgemed.sources.heads import is_reversed

    scores = np.stack([first, second], axis=1)
    if expected is None:
        with pytest.raises(BadInput, match="contradict each other"):
            is_reversed(scores, labels, (0, 1), "scores", "m.onnx")
    else:
        assert is_reversed(scores, labels, (0, 1), "scores", "m.onnx") is expected


def test_external_data_of_constants_and_branches_count(tmp_path):
    """A Constant's tensor and an initialiser inside an If, each in a file of its own."""
    from edgemed.sources.digest import source_digest

    helper, numpy_helper = onnx.helper, onnx.numpy_helper

    def outside(name):
        tensor = numpy_helper.from_array(np.ones(3, np.float32), name)
        onnx.external_data_helper.set_external_data(tensor, f"{name}.bin")
        (tmp_path / f"{name}.bin").write_bytes(tensor.raw_data)
        tensor.ClearField("raw_data")
        return tensor

    def branch(name, weights):
        node = helper.make_node("Add", ["x", weights[0].name if weights else "c"], [name])
        return helper.make_graph([node], name, [], [helper.make_tensor_value_info(name, 1, None)], weights)

    nodes = [
        helper.make_node("Constant", [], ["c"], value=outside("constant")),
        helper.make_node(
            "If", ["yes"], ["y"], then_branch=branch("a", [outside("inner")]), else_branch=branch("b", [])
        ),
    ]
    ends = [helper.make_tensor_value_info(name, 1, ["n", 3]) for name in "xy"]
    yes = numpy_helper.from_array(np.array(True), "yes")
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [yes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    spec = ModelSpec("m.onnx")
    digests = {source_digest(spec, tmp_path)}
    for name in ("constant.bin", "inner.bin"):
        (tmp_path / name).write_bytes(np.full(3, 2, np.float32).tobytes())
        digests.add(source_digest(spec, tmp_path))
    assert len(digests) == 3
    (tmp_path / "inner.bin").unlink()
    with pytest.raises(BadInput, match=r"keeps weights in inner\.bin"):
        source_digest(spec, tmp_path)


def edited(name, tmp_path, change):
    model = onnx.load(str(tmp_path / name))
    change(model)
    onnx.save(model, str(tmp_path / "edited.onnx"))
    return ModelSpec("edited.onnx")


def spoil(model):
    weight = next(w for w in model.graph.initializer if len(w.dims) == 4)
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0, 0, 0, 0] = np.nan
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))


def make_integer(model):
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    cast = onnx.helper.make_node("Cast", ["image"], ["image_f"], to=onnx.TensorProto.FLOAT)
    for node in model.graph.node:
        node.input[:] = ["image_f" if entry == "image" else entry for entry in node.input]
    model.graph.node.insert(0, cast)


def labels_only(model):
    node = onnx.helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0)
    model.graph.node.append(node)
    model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, ["n"]))


def foreign(model):
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    model.graph.node.append(onnx.helper.make_node("Gelu", ["scores"], ["g"], domain="com.microsoft"))
    model.graph.output[0].name = "g"


def old(model):
    model.opset_import[0].version = 10


def two_rows(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (spoil, "holds NaN"),
        (make_integer, "not a float tensor"),
        (labels_only, "only labels"),
        (foreign, "Gelu are not operators of ONNX"),
        (old, "opset 10; 11 is the oldest"),
        (two_rows, "fixed batch of 4"),
    ],
)
def test_files_that_are_refused(change, message, nets, legacy, tmp_path):
    spec = edited(legacy(nets("Residual"), (3, 32, 32), 13), tmp_path, change)
    with pytest.raises(BadInput, match=message):
        load_trained_model(spec, tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.95])
def test_truncated_files_are_refused(share, nets, legacy, tmp_path):
    path = tmp_path / legacy(nets("Residual"), (3, 32, 32), 13)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BadInput, match=r"truncated|cannot load"):
        load_trained_model(ModelSpec(path.name), tmp_path)


def test_an_opset_above_20_is_brought_down(tmp_path):
    g = graphs.Writer(0)
    g.add("Relu", "x", out="y")
    inputs, outputs = (InputSpec("x", "float32", (3,)),), (OutputSpec("y", "regression", 3),)
    g.write(tmp_path, "new", inputs, outputs, opset=22)
    _, model, _ = brought_in("new.onnx", inputs, tmp_path)
    assert opset_of(model) == 20


def test_a_file_that_cannot_be_converted_keeps_its_opset_and_says_so(tmp_path):
    inputs = (InputSpec("x", "float32", (4,)),)
    for opset in (13, 11):
        graphs.write_sparse(tmp_path / f"sparse{opset}.onnx", opset)
    trained, made, _ = brought_in("sparse13.onnx", inputs, tmp_path)
    assert opset_of(made) == 13
    assert "kept at opset 13" in trained.notes[0]
    with pytest.raises(BadInput, match="opset 11 could not be brought to 18"):
        load_trained_model(ModelSpec("sparse11.onnx"), tmp_path).export(inputs, tmp_path / "out.onnx")


def test_a_mismatch_names_the_first_layer(nets, legacy, tmp_path):
    _, model, _ = brought_in(legacy(nets("Mobile"), (3, 32, 32), 13), IMAGE, tmp_path)
    weight = next(w for w in model.graph.initializer if len(w.dims) == 2)
    user = next(node for node in model.graph.node if weight.name in node.input)
    values = onnx.numpy_helper.to_array(weight) * 1.5
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    onnx.save(model, str(tmp_path / "out.onnx"))
    trained = load_trained_model(ModelSpec("legacy.onnx"), tmp_path)
    with pytest.raises(ToolFailure, match=r"first layer that differs is") as caught:
        check_parity(trained, tmp_path / "out.onnx", batches(IMAGE))
    assert f"is {user.output[0]} ({user.op_type})" in caught.value.problem


def test_nodes_in_any_order_are_sorted(tmp_path):
    g = graphs.Writer(0)
    g.add("Relu", "z", out="y")
    g.add("Neg", "x", out="z")
    inputs, outputs = (InputSpec("x", "float32", (4,)),), (OutputSpec("y", "regression", 4),)
    g.write(tmp_path, "mixed", inputs, outputs)
    _, made, parity = brought_in("mixed.onnx", inputs, tmp_path)
    assert [node.op_type for node in made.graph.node] == ["Neg", "Relu"]
    assert parity.difference <= parity.tolerance
