"""resize against Pillow, in two runtimes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.preprocess import tensor_name, tensor_spec, write_front
from edgemed.preprocess.pillow_filter import resize_matrix
from edgemed.types import InputSpec, Step

FILTERS = ["bilinear", "bicubic", "box", "lanczos", "nearest"]
SIZES = [(20, 15), (96, 80), (28, 224), (64, 12), (64, 48)]


def resize(size: tuple[int, ...], filter_name: str) -> Step:
    return Step("resize", {"size": list(size), "filter": filter_name})


def pillow_resized(images, size, filter_name):
    from PIL import Image

    method = getattr(Image.Resampling, filter_name.upper())
    height, width = size
    return np.stack([np.asarray(Image.fromarray(image).resize((width, height), method)) for image in images])


def assert_within_one_level(result, reference, filter_name):
    """At most 1 level apart once rounded; before rounding by no more than two roundings can explain."""
    reference = reference.astype(np.float64)
    assert np.abs(np.rint(result) - reference).max() <= 1
    amplification = 1.5 if filter_name in ("bicubic", "lanczos") else 1.0
    assert np.abs(result - reference).max() <= 0.5 + 0.5 * amplification + 1e-3


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("size", SIZES)
def test_noise_is_within_one_level_of_pillow(run_front, noise, size, filter_name):
    spec = InputSpec("x", "uint8", noise.shape[1:], "HW")
    result = run_front(spec, [resize(size, filter_name)], noise)
    assert_within_one_level(result, pillow_resized(noise, size, filter_name), filter_name)


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("size", [(224, 224), (14, 19)])
def test_x_rays_are_within_one_level_of_pillow(run_front, x_rays, size, filter_name):
    spec = InputSpec("x", "uint8", (28, 28), "HW")
    result = run_front(spec, [resize(size, filter_name)], x_rays)
    assert_within_one_level(result, pillow_resized(x_rays, size, filter_name), filter_name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    filter_name=st.sampled_from(FILTERS),
    seed=st.integers(0, 2**16),
)
def test_any_shape_is_within_one_level_of_pillow(run_front, before, size, filter_name, seed):
    from PIL import Image

    image = np.random.default_rng(seed).integers(0, 256, (1, *before), dtype=np.uint8)
    result = run_front(InputSpec("x", "uint8", before, "HW"), [resize(size, filter_name)], image)
    lost_height, lost_width = before[0] - size[0], before[1] - size[1]
    same_order = lost_height <= max(2 * lost_width, 0) or int(Image.__version__.split(".")[0]) >= 13
    if same_order:
        assert_within_one_level(result, pillow_resized(image, size, filter_name), filter_name)


@pytest.mark.parametrize("filter_name", FILTERS)
def test_float_values_are_those_of_pillow_without_clipping(run_front, noise, filter_name):
    images = noise.astype(np.float32) / 255 - 0.3
    spec = InputSpec("x", "float32", noise.shape[1:], "HW")
    result = run_front(spec, [resize((20, 15), filter_name)], images)
    np.testing.assert_allclose(result, pillow_resized(images, (20, 15), filter_name), atol=2e-6)


@pytest.mark.parametrize("layout", ["HWC", "CHW"])
def test_colour_is_resized_per_channel(run_front, layout):
    image = np.random.default_rng(0).integers(0, 256, (1, 31, 40, 3), dtype=np.uint8)
    expected = pillow_resized(image, (17, 60), "bicubic").astype(np.float64)
    if layout == "CHW":
        image, expected = image.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)
    spec = InputSpec("x", "uint8", image.shape[1:], layout)
    result = run_front(spec, [resize((17, 60), "bicubic")], np.ascontiguousarray(image))
    assert_within_one_level(result, expected, "bicubic")


@pytest.mark.parametrize("opset", [11, 13, 18, 20])
@pytest.mark.parametrize("layout", ["DHW", "CDHW", "DHWC"])
def test_volume_is_resized_along_each_axis(run_front, layout, opset):
    size = (5, 12, 9)
    shape = {"DHW": (8, 7, 10), "CDHW": (2, 8, 7, 10), "DHWC": (8, 7, 10, 2)}[layout]
    volume = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    expected = volume.astype(np.float64)
    for letter, n in zip("DHW", size, strict=True):
        axis = 1 + layout.index(letter)
        matrix = resize_matrix(expected.shape[axis], n, "bilinear")
        expected = np.moveaxis(np.tensordot(matrix, expected, (1, axis)), 0, axis)
    result = run_front(InputSpec("x", "float32", shape, layout), [resize(size, "bilinear")], volume, opset)
    np.testing.assert_allclose(result, expected, atol=2e-6)


@pytest.mark.parametrize("filter_name", FILTERS)
@pytest.mark.parametrize("opset", [13, 18, 20])
def test_both_runtimes_agree(run_front, noise, tmp_path: Path, filter_name, opset):
    import openvino

    spec = InputSpec("x", "uint8", noise.shape[1:], "HW")
    steps = [resize((33, 29), filter_name)]
    front = tmp_path / "front.onnx"
    write_front([spec], {"x": steps}, front, opset=opset)
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(front), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    other = compiled({"x": noise})[tensor_name("x")]
    assert np.abs(other - run_front(spec, steps, noise, opset)).max() < 1e-3


def test_signal_is_resized_along_its_one_axis(run_front):
    signal = np.random.default_rng(2).normal(size=(3, 2, 100)).astype(np.float32)
    result = run_front(InputSpec("x", "float32", (2, 100), "CL"), [resize((25,), "box")], signal)
    np.testing.assert_allclose(result, signal.reshape(3, 2, 25, 4).mean(-1), atol=1e-6)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({"size": [10]}, "need 2"),
        ({"size": [10, 0]}, "below 1"),
        ({"size": [10, 10], "filter": "cubic"}, "not allowed"),
        ({}, "missing key 'size'"),
    ],
)
def test_bad_arguments_are_named(args, problem):
    with pytest.raises(BadInput, match=problem) as caught:
        tensor_spec(InputSpec("x", "uint8", (28, 28), "HW"), [Step("resize", args)])
    assert caught.value.where.startswith("inputs.x.steps[0] (resize)")
