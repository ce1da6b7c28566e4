"""Each op but resize against numpy and Pillow, on noise and on real X-rays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.preprocess import tensor_spec
from edgemed.types import InputSpec, Step

OPSETS = [11, 13, 18, 20]
GRAY = InputSpec("x", "uint8", (28, 28), "HW")
few_shapes = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
lengths = st.integers(1, 12)


def step(op: str, **args) -> Step:
    return Step(op, args)


@given(
    data=st.data(), shape=st.tuples(lengths, lengths, lengths), layout=st.sampled_from(["DHW", "HWC", "CHW"])
)
@few_shapes
def test_crop_box_is_a_slice(run_front, data, shape, layout):
    space = [n for n, letter in zip(shape, layout, strict=True) if letter != "C"]
    start = [data.draw(st.integers(0, n - 1)) for n in space]
    size = [data.draw(st.integers(1, n - first)) for n, first in zip(space, start, strict=True)]
    batch = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    box = dict(zip(layout.replace("C", ""), zip(start, size, strict=True), strict=True))
    index = [slice(b[0], sum(b)) if (b := box.get(letter)) else slice(None) for letter in layout]
    result = run_front(InputSpec("x", "uint8", shape, layout), [step("crop", size=size, start=start)], batch)
    np.testing.assert_array_equal(result, batch[(slice(None), *index)])


@pytest.mark.parametrize(("size", "top", "left"), [((24, 20), 2, 4), ((27, 25), 0, 2), ((28, 28), 0, 0)])
def test_crop_takes_the_middle(run_front, x_rays, size, top, left):
    result = run_front(GRAY, [step("crop", size=list(size))], x_rays)
    np.testing.assert_array_equal(result, x_rays[:, top : top + size[0], left : left + size[1]])


@given(data=st.data(), shape=st.tuples(lengths, lengths), value=st.integers(-300, 300))
@few_shapes
def test_pad_by_pairs_is_numpys(run_front, data, shape, value):
    by = [[data.draw(st.integers(0, 5)), data.draw(st.integers(0, 5))] for _ in shape]
    batch = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    result = run_front(InputSpec("x", "float32", shape, "HW"), [step("pad", by=by, value=value)], batch)
    np.testing.assert_array_equal(result, np.pad(batch, [(0, 0), *by], constant_values=value))


@given(shape=st.tuples(lengths, lengths, lengths), more=st.tuples(lengths, lengths))
@few_shapes
def test_pad_to_a_size_then_crop_gives_the_array_back(run_front, shape, more):
    batch = np.random.default_rng(0).integers(0, 256, (1, *shape), dtype=np.uint8)
    size = [shape[1] + more[0], shape[2] + more[1]]
    start = [more[0] // 2, more[1] // 2]
    steps = [step("pad", size=size), step("crop", size=list(shape[1:]), start=start)]
    spec = InputSpec("x", "uint8", shape, "CHW")
    padded = run_front(spec, steps[:1], batch)
    assert padded.sum() == batch.sum()
    np.testing.assert_array_equal(run_front(spec, steps, batch), batch)


def test_pad_after_a_scale_pads_with_the_new_unit(run_front, x_rays):
    steps = [step("scale", by="1/255"), step("pad", by=[[1, 0], [0, 2]], value=0.5)]
    result = run_front(GRAY, steps, x_rays)
    expected = np.pad(x_rays / 255, [(0, 0), (1, 0), (0, 2)], constant_values=0.5)
    np.testing.assert_allclose(result, expected, atol=1e-7)


@pytest.mark.parametrize(("layout", "axis"), [("HW", -1), ("HWC", -1), ("CHW", 1)])
def test_gray_to_rgb_repeats(run_front, x_rays, layout, axis):
    batch = x_rays if layout == "HW" else np.expand_dims(x_rays, axis)
    result = run_front(InputSpec("x", "uint8", batch.shape[1:], layout), [step("gray_to_rgb")], batch)
    np.testing.assert_array_equal(result, np.stack([x_rays] * 3, axis))


@pytest.mark.parametrize("layout", ["HWC", "CHW"])
def test_rgb_to_gray_is_pillows_l(run_front, layout):
    from PIL import Image

    batch = np.random.default_rng(0).integers(0, 256, (2, 30, 17, 3), dtype=np.uint8)
    expected = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in batch])
    if layout == "CHW":
        batch = np.ascontiguousarray(batch.transpose(0, 3, 1, 2))
    result = run_front(InputSpec("x", "uint8", batch.shape[1:], layout), [step("rgb_to_gray")], batch)
    assert np.abs(result.reshape(expected.shape) - expected).max() <= 0.5 + 1e-3


def test_scale_is_a_product_and_a_sum(run_front, x_rays):
    result = run_front(GRAY, [step("scale", by="1/255"), step("scale", by=2, offset=-1)], x_rays)
    np.testing.assert_allclose(result, x_rays / 255 * 2 - 1, atol=1e-6)


@pytest.mark.parametrize("layout", ["HWC", "CHW", "DHWC", "CDHW", "CL", "LC"])
def test_normalise_is_per_channel(run_front, layout):
    sizes = {"C": 3, "D": 4, "H": 5, "W": 6, "L": 7}
    shape = tuple(sizes[letter] for letter in layout)
    batch = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    steps = [step("scale", by="1/255"), step("normalise", mean=mean.tolist(), std=std.tolist())]
    along = [-1 if letter == "C" else 1 for letter in layout]
    expected = (batch / 255 - mean.reshape(along)) / std.reshape(along)
    result = run_front(InputSpec("x", "uint8", shape, layout), steps, batch)
    np.testing.assert_allclose(result, expected, atol=2e-6)


def test_normalise_is_per_column_of_a_table(run_front):
    batch = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    mean, std = [1.0, 2.0, 3.0], [0.5, 1.0, 2.0]
    spec = InputSpec("x", "float32", (3,))
    result = run_front(spec, [step("normalise", mean=mean, std=std)], batch)
    np.testing.assert_allclose(result, (batch - mean) / std, atol=1e-6)


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("over", ["sample", "channel"])
@pytest.mark.parametrize("layout", ["CHW", "HWC"])
def test_z_score_is_numpys(run_front, opset, over, layout):
    batch = np.random.default_rng(0).integers(0, 65536, (3, 8, 9, 10), dtype=np.uint16)
    channel = 1 + layout.index("C")
    axes = tuple(axis for axis in (1, 2, 3) if over == "sample" or axis != channel)
    values = batch.astype(np.float64)
    expected = (values - values.mean(axes, keepdims=True)) / (values.std(axes, keepdims=True) + 0.25)
    spec = InputSpec("x", "uint16", (8, 9, 10), layout)
    result = run_front(spec, [step("z_score", over=over, eps=0.25)], batch, opset)
    np.testing.assert_allclose(result, expected, atol=5e-6)


@pytest.mark.parametrize("opset", OPSETS)
def test_z_score_of_x_rays_and_of_a_blank_picture(run_front, x_rays, opset):
    batch = np.concatenate([x_rays, np.full((1, 28, 28), 173, np.uint8)])
    result = run_front(GRAY, [step("z_score")], batch, opset)
    np.testing.assert_allclose(result[:-1].mean((1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(result[:-1].std((1, 2)), 1, atol=1e-5)
    assert np.abs(result[-1]).max() <= 1


def test_window_is_dicoms_linear_exact(run_front):
    batch = np.random.default_rng(0).integers(-1024, 3000, (2, 16, 16)).astype(np.int16)
    result = run_front(InputSpec("x", "int16", (16, 16), "HW"), [step("window", level=40, width=400)], batch)
    np.testing.assert_allclose(result, np.clip((batch + 160) / 400, 0, 1), atol=1e-6)


@pytest.mark.parametrize("bounds", [{"min": 50}, {"max": 200.5}, {"min": 50, "max": 200}])
def test_clip_is_numpys(run_front, x_rays, bounds):
    result = run_front(GRAY, [step("clip", **bounds)], x_rays)
    np.testing.assert_array_equal(
        result, np.clip(x_rays.astype(np.float32), bounds.get("min"), bounds.get("max"))
    )


@pytest.mark.parametrize(
    ("before", "to", "moved"),
    [
        ("HW", "CHW", lambda x: x[:, None]),
        ("HW", "HWC", lambda x: x[..., None]),
        ("HWC", "CHW", lambda x: x.transpose(0, 3, 1, 2)),
        ("CHW", "HWC", lambda x: x.transpose(0, 2, 3, 1)),
        ("DHW", "CDHW", lambda x: x[:, None]),
        ("DHWC", "CDHW", lambda x: x.transpose(0, 4, 1, 2, 3)),
        ("LC", "CL", lambda x: x.transpose(0, 2, 1)),
    ],
)
def test_layout_moves_axes(run_front, before, to, moved):
    sizes = {"C": 3, "D": 4, "H": 5, "W": 6, "L": 7}
    shape = tuple(sizes[letter] for letter in before)
    batch = np.random.default_rng(0).integers(-128, 128, (2, *shape)).astype(np.int8)
    result = run_front(InputSpec("x", "int8", shape, before), [step("layout", to=to)], batch)
    np.testing.assert_array_equal(result, moved(batch))


@pytest.mark.parametrize(("before", "shape"), [("HWC", (28, 28, 1)), ("CHW", (1, 28, 28))])
def test_layout_drops_a_single_channel(run_front, x_rays, before, shape):
    batch = x_rays.reshape(-1, *shape)
    result = run_front(InputSpec("x", "uint8", shape, before), [step("layout", to="HW")], batch)
    np.testing.assert_array_equal(result, x_rays)


def test_steps_run_in_the_order_of_the_recipe(run_front, x_rays):
    clip, scale = step("clip", max=100), step("scale", by=2)
    values = x_rays.astype(np.float32)
    np.testing.assert_array_equal(run_front(GRAY, [clip, scale], x_rays), np.minimum(values, 100) * 2)
    np.testing.assert_array_equal(run_front(GRAY, [scale, clip], x_rays), np.minimum(values * 2, 100))


@pytest.mark.parametrize("opset", OPSETS)
def test_a_whole_recipe_on_x_rays(run_front, x_rays, opset):
    from PIL import Image

    steps = [
        step("resize", size=[40, 40], filter="bicubic"),
        step("crop", size=[32, 32]),
        step("pad", by=[[1, 1], [1, 1]]),
        step("gray_to_rgb"),
        step("scale", by="1/255"),
        step("normalise", mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        step("layout", to="CHW"),
    ]
    expected = []
    for image in x_rays:
        picture = Image.fromarray(image).resize((40, 40), Image.Resampling.BICUBIC).convert("RGB")
        values = np.pad(np.asarray(picture)[4:36, 4:36], [(1, 1), (1, 1), (0, 0)]) / 255
        expected.append(((values - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1))
    result = run_front(GRAY, steps, x_rays, opset)
    assert np.abs(result - np.stack(expected)).max() <= 1.25 / 255 / 0.224


@pytest.mark.parametrize(
    ("spec", "bad", "problem"),
    [
        (GRAY, step("crop", size=[29, 28]), "larger than the 28"),
        (GRAY, step("crop", size=[10, 10], start=[20, 0]), "larger than the 28"),
        (GRAY, step("crop", size=[10, 10], start=[-1, 0]), "below 0"),
        (GRAY, step("pad", size=[20, 40]), "less than the 28"),
        (GRAY, step("pad"), "either size or by"),
        (GRAY, step("pad", size=[30, 30], by=[[1, 1], [1, 1]]), "either size or by"),
        (GRAY, step("pad", by=[[1, 1], [-1, 1]]), "pairs of 0 or more"),
        (GRAY, step("pad", by=[[1, 1]]), "need 2"),
        (GRAY, step("rgb_to_gray"), "picture of 3 channels"),
        (InputSpec("x", "uint8", (8, 8, 3), "HWC"), step("gray_to_rgb"), "picture of 1 channel,"),
        (GRAY, step("scale", by=0), "scale by 0"),
        (GRAY, step("scale", by="1/0"), "not a number or a fraction"),
        (GRAY, step("scale", by=float("nan")), "finite"),
        (GRAY, step("normalise", mean=0.5, std=0), "not above 0"),
        (GRAY, step("normalise", mean=[0.5, 0.4, 0.3], std=1), "3 numbers, but there are 1 channels"),
        (GRAY, step("normalise", mean=0.5), "missing key 'std'"),
        (GRAY, step("z_score", eps=0), "not above 0"),
        (GRAY, step("z_score", over="channel"), "no axis C"),
        (GRAY, step("window", level=40, width=0), "not above 0"),
        (GRAY, step("window", level=40, width=-1), "not above 0"),
        (GRAY, step("clip"), "min or max"),
        (GRAY, step("clip", min=1, max=1), "not below"),
        (GRAY, step("layout", to="CDHW"), "axes are not the same"),
        (InputSpec("x", "uint8", (8, 8, 3), "HWC"), step("layout", to="HW"), "3 channels"),
        (InputSpec("x", "float32", (8, 8)), step("layout", to="HW"), "no names"),
        (GRAY, step("scale", by=True), "expected float"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_place(spec, bad, problem):
    with pytest.raises(BadInput, match=problem) as caught:
        tensor_spec(spec, [step("clip", min=0), bad])
    assert caught.value.where.startswith(f"inputs.x.steps[1] ({bad.op})")


@pytest.mark.parametrize("std", [1e-300, 1e300])
def test_a_constant_beyond_float32_is_bad_input(run_front, x_rays, std):
    with pytest.raises(BadInput, match="float32") as caught:
        run_front(GRAY, [step("normalise", mean=0, std=std)], x_rays)
    assert caught.value.where == "inputs.x.steps[0] (normalise)"


def test_a_signal_gets_a_channel_axis(run_front):
    batch = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    result = run_front(InputSpec("x", "float32", (50,), "L"), [step("layout", to="CL")], batch)
    assert np.array_equal(result, batch[:, np.newaxis])
