"""whiten: against numpy in every opset and in OpenVINO, and every statistics file that is refused."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.preprocess import tensor_name, tensor_spec, write_front
from edgemed.types import InputSpec, Step, digest_of_file

CL = InputSpec("signal", "float32", (6, 40), "CL")
RAW = InputSpec("signal", "float32", (2, 4, 5, 2, 2), "TESKQ")


@pytest.fixture
def stored(tmp_path):
    """`stored(shape)`: a step whose file has statistics of that shape, and these, as float64."""

    def store(shape, dtype=np.float64):
        random = np.random.default_rng(5)
        mean = random.normal(size=shape).astype(dtype)
        std = (10.0 ** random.uniform(-4, 1, shape)).astype(dtype)
        np.savez(tmp_path / "whiten.npz", mean=mean, std=std)
        step = Step("whiten", {"statistics": str(tmp_path / "whiten.npz")})
        return step, mean.astype(np.float64), std.astype(np.float64)

    return store


def drawn(shape, dtype="float32"):
    return (np.random.default_rng(1).normal(size=(3, *shape)) * 40 + 100).astype(dtype)


def near(found, expected):
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_each_value_has_its_own_mean_and_deviation(run_front, stored, opset, dtype):
    step, mean, std = stored(CL.shape, dtype)
    x = drawn(CL.shape)
    near(run_front(CL, [step], x, opset), (x - mean) / std)


@pytest.mark.parametrize(
    "spec",
    [
        RAW,
        InputSpec("table", "float32", (7,)),
        InputSpec("x", "uint16", (3, 4, 5)),
        InputSpec("age", "int64", ()),
    ],
    ids=["raw signal", "table", "no layout", "one number"],
)
def test_any_layout_will_do(run_front, stored, spec):
    step, mean, std = stored(spec.shape)
    x = drawn(spec.shape, spec.dtype)
    near(run_front(spec, [step], x), (x - mean) / std)


def test_statistics_have_the_layout_of_the_step_whatever_the_memory_has(run_front, stored):
    spec = InputSpec("image", "uint8", (4, 5, 3), "HWC")
    step, mean, std = stored((3, 4, 5))
    x = drawn(spec.shape, "uint8")
    expected = (x.transpose(0, 3, 1, 2) / 255.0 + 2.0 - mean) / std
    steps = [
        Step("scale", {"by": "1/255", "offset": 2}),
        Step("layout", {"to": "CHW"}),
        step,
        Step("layout", {"to": "HWC"}),
    ]
    np.testing.assert_allclose(run_front(spec, steps, x), expected.transpose(0, 2, 3, 1), rtol=1e-4)


def test_an_axis_of_length_1_that_the_layout_adds_is_there(run_front, stored):
    step, mean, std = stored((1, 9))
    x = drawn((9,))
    near(
        run_front(InputSpec("x", "float32", (9,), "L"), [Step("layout", {"to": "CL"}), step], x),
        (x[:, None] - mean) / std,
    )


def test_behind_the_steps_of_a_raw_signal(run_front, stored):
    step, mean, std = stored((4, 40))
    x = drawn(RAW.shape)
    steps = [Step("phase_reference"), Step("amplitude"), Step("iq_channels")]
    near(run_front(RAW, [*steps, step], x), (run_front(RAW, steps, x) - mean) / std)


def test_openvino_gives_the_same(stored, tmp_path):
    import openvino as ov

    step, mean, std = stored(CL.shape)
    write_front([CL], {"signal": [step]}, tmp_path / "front.onnx", opset=18)
    run = ov.Core().compile_model(tmp_path / "front.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    x = drawn(CL.shape)
    near(run({"signal": x})[0], (x - mean) / std)
    assert tensor_name("signal") in run.output(0).names


def _without(name):
    return lambda arrays: arrays.pop(name)


def _put(name, value):
    return lambda arrays: arrays.update({name: value})


def _set(name, at, value):
    def change(arrays):
        arrays[name][at] = value

    return change


WRONG = {
    "no std": (_without("std"), "holds the arrays mean; expected mean and std"),
    "another shape": (_put("mean", np.zeros((6, 39))), "mean is float64 [6, 39]; expected floats [6, 40]"),
    "one for each channel": (_put("std", np.ones((6, 1))), "std is float64 [6, 1]; expected floats [6, 40]"),
    "whole numbers": (_put("std", np.ones((6, 40), int)), "std is int64 [6, 40]; expected floats"),
    "complex": (_put("mean", np.zeros((6, 40), complex)), "mean is complex128 [6, 40]; expected floats"),
    "pickles": (_put("mean", np.array([{}], object)), "pickled objects"),
    "NaN": (_set("mean", (2, 3), np.nan), "mean is not finite at [2, 3]"),
    "infinite": (_set("std", (0, 39), np.inf), "std is not finite at [0, 39]"),
    "zero": (_set("std", (5, 1), 0.0), "std is 0 at [5, 1]; expected above 0"),
    "negative": (_set("std", (4, 0), -1.0), "std is -1 at [4, 0]; expected above 0"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_statistics_are_refused_at_the_step(tmp_path, name):
    change, says = WRONG[name]
    arrays = {"mean": np.zeros(CL.shape), "std": np.ones(CL.shape)}
    change(arrays)
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(BadInput, match=re.escape(says)) as caught:
        tensor_spec(CL, [Step("whiten", {"statistics": str(tmp_path / "s.npz")})])
    assert caught.value.where == "inputs.signal.steps[0] (whiten)"
    assert "s.npz" in caught.value.problem
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(("name", "value"), [("std", 1e-320), ("std", 1e-40), ("std", 1e300), ("mean", 1e39)])
def test_statistics_beyond_float32_are_refused(tmp_path, name, value):
    arrays = {"mean": np.zeros(CL.shape), "std": np.ones(CL.shape)}
    arrays[name][1, 2] = value
    np.savez(tmp_path / "s.npz", **arrays)
    step = Step("whiten", {"statistics": str(tmp_path / "s.npz")})
    with pytest.raises(BadInput, match="beyond what float32 holds") as caught:
        write_front([CL], {"signal": [step]}, tmp_path / "front.onnx", opset=18)
    assert caught.value.where == "inputs.signal.steps[0] (whiten)"


def _torn(path):
    path.write_bytes(path.read_bytes()[:-30])


def _damaged(path):
    content = bytearray(path.read_bytes())
    content[300] ^= 0xFF
    path.write_bytes(bytes(content))


def _pickle(path):
    path.write_bytes(pickle.dumps({"mean": 0, "std": 1}))


def _gone(path):
    path.unlink()


@pytest.mark.parametrize("spoil", [_torn, _damaged, _pickle, _gone], ids=lambda spoil: spoil.__name__)
def test_a_file_that_is_no_whole_archive_is_refused(stored, spoil, tmp_path):
    step, _, _ = stored(CL.shape)
    spoil(tmp_path / "whiten.npz")
    with pytest.raises(BadInput, match=r"whiten\.npz") as caught:
        tensor_spec(CL, [step])
    assert caught.value.where == "inputs.signal.steps[0] (whiten)"
    assert caught.value.remedy


def test_a_digest_holds_the_step_to_one_file(stored, tmp_path):
    step, _, _ = stored(CL.shape)
    digest = digest_of_file(tmp_path / "whiten.npz")
    held = Step("whiten", {**step.args, "sha256": digest})
    assert tensor_spec(CL, [held]).shape == CL.shape
    np.savez(tmp_path / "whiten.npz", mean=np.zeros(CL.shape), std=np.ones(CL.shape))
    with pytest.raises(BadInput, match=f"expected {digest}"):
        tensor_spec(CL, [held])
