"""scikit-learn models come out in standard operators with the values they had, on both runtimes."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from edgemed.sources import check_parity, load_trained_model
from edgemed.sources.ml_ops import lower_ml_operators, ml_operators
from edgemed.sources.reference import reference_session
from edgemed.sources.typical import typical_batch
from edgemed.types import InputSpec, ModelSpec

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.skipif(find_spec("skl2onnx") is None, reason="skl2onnx is not installed")

FEATURES = 6
ROWS = 240
KERNELS = ("linear", "rbf", "poly", "sigmoid")


def table(classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping classes in features of very different offset and scale."""
    draw = np.random.default_rng(classes)
    values = draw.normal(size=(ROWS, FEATURES))
    score = values[:, 0] + values[:, 1] * values[:, 2] + 0.5 * draw.normal(size=ROWS)
    target = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    return (values * [1, 20, 0.1, 5, 300, 1] + [0, 100, -2, 50, 4000, 0.5]).astype(np.float32), target


def fitted(model: Any, classes: int) -> tuple[Any, np.ndarray]:
    values, target = table(classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(values, target)
    return model, values


def exported(model: Any, tmp_path, options: dict[Any, Any] | None = None):
    """What `edgemed` reads from skl2onnx's file, and the graph it makes of it."""
    import skl2onnx

    types = [("X", skl2onnx.common.data_types.FloatTensorType([None, FEATURES]))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Attribute `prob", FutureWarning)
        made = skl2onnx.convert_sklearn(model, initial_types=types, options=options)
    (tmp_path / "sk.onnx").write_bytes(made.SerializeToString())
    trained = load_trained_model(ModelSpec("sk.onnx"), tmp_path)
    trained.export(inputs(), tmp_path / "out.onnx")
    return trained, onnx.load(str(tmp_path / "out.onnx"))


def inputs() -> tuple[InputSpec, ...]:
    return (InputSpec("X", "float32", (FEATURES,)),)


def on_openvino(path, values: np.ndarray) -> list[np.ndarray]:
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return list(compiled({"X": values}).values())


def assert_lowered(trained: Any, made: Any, values: np.ndarray, tmp_path) -> np.ndarray:
    """No `ai.onnx.ml` left; one answer from the untouched file, the new file, and OpenVINO."""
    assert ml_operators(made) == ()
    assert [entry.domain for entry in made.opset_import] == [""]
    for rows in (1, 3, ROWS):
        check_parity(trained, tmp_path / "out.onnx", [{"X": values[:rows]}, {"X": values}])
    (ours,) = reference_session(tmp_path / "out.onnx").run(None, {"X": values})
    np.testing.assert_allclose(ours, trained.predict({"X": values})[0], atol=2e-4, rtol=1e-3)
    np.testing.assert_allclose(on_openvino(tmp_path / "out.onnx", values)[0], ours, atol=2e-4, rtol=1e-3)
    return ours


def scaled(model: Any, *steps: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(*(steps or (StandardScaler(),)), model)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("kernel", KERNELS)
def test_svc_decision(kernel, classes, tmp_path):
    from sklearn.svm import SVC

    model, values = fitted(scaled(SVC(kernel=kernel, coef0=0.3, degree=4)), classes)
    ours = assert_lowered(*exported(model, tmp_path), values, tmp_path)
    decision = model.decision_function(values)
    if classes == 2:
        np.testing.assert_allclose(ours, np.stack([-decision, decision], 1), atol=2e-3)
    else:
        np.testing.assert_allclose(ours, decision, atol=2e-3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_svc_probabilities_of_two_classes(kernel, tmp_path):
    from sklearn.svm import SVC

    model, values = fitted(scaled(SVC(kernel=kernel, probability=True, random_state=0)), 2)
    ours = assert_lowered(*exported(model, tmp_path), values, tmp_path)
    np.testing.assert_allclose(ours, model.predict_proba(values), atol=2e-4)


def test_coupled_probabilities_of_three_classes_stay_and_say_so(tmp_path):
    from sklearn.svm import SVC

    model, values = fitted(scaled(SVC(probability=True, random_state=0)), 3)
    trained, made = exported(model, tmp_path)
    assert ml_operators(made) == ("SVMClassifier",)
    assert {entry.domain for entry in made.opset_import} == {"", "ai.onnx.ml"}
    assert any("SVMClassifier stayed ai.onnx.ml" in note for note in trained.notes)
    (ours,) = reference_session(tmp_path / "out.onnx").run(None, {"X": values})
    np.testing.assert_allclose(ours, model.predict_proba(values), atol=2e-4)


def test_the_gaussian_kernel_does_not_cancel_without_a_scaler(tmp_path):
    """Features around 10,000 with a spread of 1: |x|^2 alone would leave nothing in float32."""
    from sklearn.svm import SVC

    values, target = table(2)
    values = (values - values.mean(0)) / values.std(0) + np.float32(10_000)
    model = SVC(gamma=0.2).fit(values, target)
    ours = assert_lowered(*exported(model, tmp_path), values, tmp_path)
    np.testing.assert_allclose(ours[:, 1], model.decision_function(values), atol=2e-3)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["logistic", "linear_svc", "ridge", "sgd", "mlp"])
def test_linear_models_and_mlp(name, classes, tmp_path):
    from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.svm import LinearSVC

    models = {
        "logistic": LogisticRegression(),
        "linear_svc": LinearSVC(),
        "ridge": RidgeClassifier(),
        "sgd": SGDClassifier(random_state=0),
        "mlp": MLPClassifier((16,), max_iter=60, random_state=0),
    }
    model, values = fitted(scaled(models[name]), classes)
    # skl2onnx 1.20 trips over its own default for LinearSVC unless an option is given.
    options = {LinearSVC: {"nocl": False}} if name == "linear_svc" else None
    ours = assert_lowered(*exported(model, tmp_path, options), values, tmp_path)
    if name in ("logistic", "mlp"):
        np.testing.assert_allclose(ours, model.predict_proba(values), atol=2e-4)
    else:
        last = ours[:, -1] if classes == 2 else ours
        np.testing.assert_allclose(last, model.decision_function(values), atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("front", ["standard", "minmax", "robust", "pca", "none"])
def test_fronts(front, norm, tmp_path):
    from sklearn.decomposition import PCA
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import (
        Binarizer,
        MaxAbsScaler,
        MinMaxScaler,
        Normalizer,
        RobustScaler,
        StandardScaler,
    )

    steps = {
        "standard": (SimpleImputer(strategy="median"), StandardScaler(), Normalizer(norm)),
        "minmax": (MinMaxScaler(), Normalizer(norm)),
        "robust": (RobustScaler(), MaxAbsScaler(), Normalizer(norm), Binarizer(threshold=0.1)),
        "pca": (StandardScaler(), PCA(3), Normalizer(norm)),
        "none": (Normalizer(norm),),
    }[front]
    model, values = fitted(scaled(LogisticRegression(), *steps), 2)
    if front == "standard":
        values = values.copy()
        values[::7, 2] = np.nan
    trained, made = exported(model, tmp_path)
    if norm == "max":
        # scikit-learn's is the largest absolute value, `ai.onnx.ml`'s the largest value.
        assert ml_operators(made) == ()
        check_parity(trained, tmp_path / "out.onnx", [{"X": values}])
    else:
        ours = assert_lowered(trained, made, values, tmp_path)
        np.testing.assert_allclose(ours, model.predict_proba(values), atol=2e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_svr(kernel, tmp_path):
    from sklearn.svm import SVR

    model, values = fitted(scaled(SVR(kernel=kernel)), 4)
    ours = assert_lowered(*exported(model, tmp_path), values, tmp_path)
    np.testing.assert_allclose(ours[:, 0], model.predict(values), atol=2e-3)


def test_linear_regression_of_two_targets(tmp_path):
    from sklearn.linear_model import LinearRegression

    values, target = table(3)
    model = scaled(LinearRegression()).fit(values, np.stack([target, -target], 1))
    ours = assert_lowered(*exported(model, tmp_path), values, tmp_path)
    np.testing.assert_allclose(ours, model.predict(values), atol=1e-3)


VALUES = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
FOUR = [0.1, -0.2, 0.3, 0.4]
TWO_CLASSES = {"classlabels_ints": [0, 1]}


def node_model(operator: str, outputs: list[str], **attributes: Any) -> Any:
    helper = onnx.helper
    node = helper.make_node(operator, ["x"], outputs, domain="ai.onnx.ml", **attributes)
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None]) for name in ("x", "y")]
    ends[0].type.tensor_type.shape.dim[1].dim_value = 4
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 1)]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def before_and_after(model: Any, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before = reference_session(model.SerializeToString()).run(None, {"x": values})[0]
    lower_ml_operators(model)
    onnx.checker.check_model(model, full_check=True)
    return before, reference_session(model.SerializeToString()).run(None, {"x": values})[0]


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        ("LinearClassifier", {"coefficients": FOUR, "intercepts": [0.3], **TWO_CLASSES}),
        (
            "LinearClassifier",
            {"coefficients": FOUR, "intercepts": [0.3], **TWO_CLASSES, "post_transform": "LOGISTIC"},
        ),
        (
            "LinearClassifier",
            {
                "coefficients": FOUR * 2,
                "intercepts": [0.3, -0.1],
                "classlabels_strings": ["a", "b"],
                "post_transform": "SOFTMAX",
            },
        ),
        ("LinearRegressor", {"coefficients": FOUR * 2, "targets": 2, "post_transform": "LOGISTIC"}),
        ("LinearRegressor", {"coefficients": FOUR}),
        ("Scaler", {"offset": [1.0], "scale": [2.0]}),
        ("Imputer", {"imputed_value_floats": FOUR, "replaced_value_float": 0.0}),
        ("Binarizer", {"threshold": 0.25}),
        ("Normalizer", {"norm": "MAX"}),
        ("Normalizer", {"norm": "L2"}),
        ("Normalizer", {"norm": "L1"}),
    ],
)
def test_single_nodes_keep_onnxruntimes_values(operator, attributes):
    values = VALUES.copy()
    values[3] = 0
    if operator == "LinearRegressor":
        attributes = {"targets": 1, **attributes}
    outputs = ["label", "y"] if operator == "LinearClassifier" else ["y"]
    model = node_model(operator, outputs, **attributes)
    before, after = before_and_after(model, values)
    assert ml_operators(model) == ()
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [
        (
            "LinearClassifier",
            {"coefficients": FOUR, "intercepts": [0.3], **TWO_CLASSES, "post_transform": "SOFTMAX"},
        ),
        (
            "LinearClassifier",
            {
                "coefficients": FOUR * 2,
                "intercepts": [0.3, 0.1],
                **TWO_CLASSES,
                "post_transform": "SOFTMAX_ZERO",
            },
        ),
        ("LinearRegressor", {"coefficients": FOUR, "targets": 1, "post_transform": "LOGISTIC"}),
        (
            "SVMRegressor",
            {
                "coefficients": [1.0],
                "support_vectors": FOUR,
                "n_supports": 1,
                "rho": [0.1],
                "one_class": 1,
                "kernel_params": [0.1, 0.0, 0.0],
                "kernel_type": "RBF",
            },
        ),
    ],
)
def test_what_is_not_known_stays(operator, attributes):
    outputs = ["label", "y"] if operator == "LinearClassifier" else ["y"]
    model = node_model(operator, outputs, **attributes)
    before, after = before_and_after(model, VALUES)
    assert ml_operators(model) == (operator,)
    np.testing.assert_array_equal(after, before)


def test_labels_that_are_read_keep_the_classifier():
    model = node_model("LinearClassifier", ["label", "y"], coefficients=FOUR, intercepts=[0.3], **TWO_CLASSES)
    model.graph.output.append(onnx.helper.make_tensor_value_info("label", onnx.TensorProto.INT64, [None]))
    lower_ml_operators(model)
    assert ml_operators(model) == ("LinearClassifier",)


@pytest.mark.parametrize("slope", [1.0, -3.0])
def test_platt_follows_libsvms_stopping_rule(slope):
    """A sweep through all probabilities, steps near 1/2 included."""
    model = node_model(
        "SVMClassifier",
        ["label", "y"],
        kernel_type="LINEAR",
        kernel_params=[0.0, 0.0, 0.0],
        support_vectors=[1.0, 0, 0, 0, 0, 1.0, 0, 0],
        vectors_per_class=[1, 1],
        coefficients=[1.0, -0.5],
        rho=[0.2],
        prob_a=[slope],
        prob_b=[0.1],
        **TWO_CLASSES,
    )
    values = np.zeros((4001, 4), np.float32)
    values[:, 0] = np.linspace(-20, 20, len(values))
    before, after = before_and_after(model, values)
    assert ml_operators(model) == ()
    np.testing.assert_allclose(after, before, atol=2e-4)
    assert before.max() > 0.999 > 0.001 > before.min()


def test_typical_inputs_come_out_standard_behind_the_scaler():
    model = node_model("Scaler", ["y"], offset=[1e4, -5.0, 0.0, 1.0], scale=[0.01, 1.0, 100.0, 0.0])
    batch = typical_batch(model.graph, [InputSpec("x", "float32", (4,))], 4000, seed=0)["x"]
    behind = reference_session(model.SerializeToString()).run(None, {"x": batch})[0][:, :3]
    np.testing.assert_allclose(behind.mean(0), 0, atol=0.2)
    np.testing.assert_allclose(behind.std(0), np.sqrt((0.09 + 1 + 9) / 3), rtol=0.1)


def test_a_wrong_lowering_is_found_and_the_operators_stay(tmp_path, monkeypatch):
    from sklearn.svm import SVC

    from edgemed.sources.ml_ops import svm

    monkeypatch.setattr(svm, "_power", lambda made, values, degree: made.add("Mul", values, values))
    model, values = fitted(scaled(SVC(kernel="poly")), 2)
    trained, made = exported(model, tmp_path)
    assert ml_operators(made) == ("SVMClassifier", "Scaler")
    assert "gives other values" in trained.notes[-1]
    check_parity(trained, tmp_path / "out.onnx", [{"X": values}])
