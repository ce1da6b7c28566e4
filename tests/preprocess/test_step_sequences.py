"""Any sequence of steps gives what numpy gives, step by step, whatever the graph folds or moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.preprocess import tensor_spec
from edgemed.preprocess.pillow_filter import resize_matrix
from edgemed.types import InputSpec, Step

CHANNELS = [0.5, 2.0, -1.0]
STEPS = [
    Step("crop", {"size": [3, 4]}),
    Step("crop", {"size": [2, 3], "start": [1, 0]}),
    Step("pad", {"by": [[1, 0], [0, 2]], "value": 0.25}),
    Step("pad", {"size": [8, 8]}),
    Step("resize", {"size": [4, 7]}),
    Step("resize", {"size": [6, 3], "filter": "box"}),
    Step("gray_to_rgb"),
    Step("rgb_to_gray"),
    Step("scale", {"by": "1/4", "offset": 0.5}),
    Step("normalise", {"mean": CHANNELS, "std": [1.0, 2.0, 4.0]}),
    Step("normalise", {"mean": 0.5, "std": [0.5, 1.0, 2.0]}),
    Step("normalise", {"mean": 0.5, "std": 2.0}),
    Step("window", {"level": 1, "width": 4}),
    Step("clip", {"min": -2, "max": 2}),
    Step("z_score", {"eps": 1.0}),
    Step("z_score", {"eps": 1.0, "over": "channel"}),
    Step("layout", {"to": "CHW"}),
    Step("layout", {"to": "HWC"}),
    Step("layout", {"to": "HW"}),
]


def numpy_step(x, layout, after, step):
    """One step on a float64 batch of layout N + `layout`."""
    args = step.args
    height, width = 1 + layout.index("H"), 1 + layout.index("W")
    channel = 1 + layout.index("C") if "C" in layout else None
    along = [-1 if letter == "C" else 1 for letter in "N" + layout]
    if step.op == "crop":
        for axis, size, start in zip(
            (height, width), args["size"], args.get("start", [None] * 2), strict=True
        ):
            first = round((x.shape[axis] - size) / 2) if start is None else start
            x = x.take(range(first, first + size), axis)
    elif step.op == "pad":
        by = args.get("by") or [
            [(n - x.shape[axis]) // 2, n - x.shape[axis] - (n - x.shape[axis]) // 2]
            for n, axis in zip(args["size"], (height, width), strict=True)
        ]
        borders = [(0, 0)] * x.ndim
        borders[height], borders[width] = by
        x = np.pad(x, borders, constant_values=args.get("value", 0))
    elif step.op == "resize":
        for axis, size in zip((height, width), args["size"], strict=True):
            matrix = resize_matrix(x.shape[axis], size, args.get("filter", "bilinear"))
            x = np.moveaxis(np.tensordot(x, matrix, (axis, 1)), -1, axis)
    elif step.op == "gray_to_rgb":
        x = np.stack([x] * 3, -1) if channel is None else np.concatenate([x] * 3, channel)
    elif step.op == "rgb_to_gray":
        x = (x * np.reshape([0.299, 0.587, 0.114], along)).sum(channel, keepdims=True)
    elif step.op == "scale":
        x = x / 4 + 0.5
    elif step.op == "normalise":
        mean, std = (np.reshape(v, along) if isinstance(v, list) else v for v in (args["mean"], args["std"]))
        x = (x - mean) / std
    elif step.op == "window":
        x = np.clip((x - 1) / 4 + 0.5, 0, 1)
    elif step.op == "clip":
        x = np.clip(x, -2, 2)
    elif step.op == "z_score":
        per_channel = args.get("over") == "channel"
        axes = tuple(axis for axis in range(1, x.ndim) if not (per_channel and axis == channel))
        x = (x - x.mean(axes, keepdims=True)) / (x.std(axes, keepdims=True) + 1.0)
    elif after != layout:
        full = x if channel is not None else x[..., None]
        names = layout if channel is not None else layout + "C"
        target = after if "C" in after else after + "C"
        full = full.transpose(0, *(1 + names.index(letter) for letter in target))
        x = full if "C" in after else full[..., 0]
    return x


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    picks=st.lists(st.sampled_from(STEPS), max_size=9),
    start=st.sampled_from(
        [("HW", (6, 5)), ("HWC", (6, 5, 3)), ("CHW", (3, 6, 5)), ("HWC", (6, 5, 1)), ("CHW", (1, 5, 6)),
         ("HWC", (1, 6, 3)), ("CHW", (3, 1, 1))]
    ),
    opset=st.sampled_from([13, 18, 20]),
)  # fmt: skip
def test_a_sequence_is_numpys(run_front, picks, start, opset):
    layout, shape = start
    spec = InputSpec("x", "int16", shape, layout)
    raw = np.random.default_rng(0).integers(-8, 9, (2, *shape)).astype(np.int16)
    expected, steps, now = raw.astype(np.float64), [], spec
    for step in picks:
        try:
            after = tensor_spec(now, [step])
        except BadInput:
            continue
        expected = numpy_step(expected, now.layout, after.layout, step)
        steps.append(step)
        now = after
        assert expected.shape[1:] == now.shape
    result = run_front(spec, steps, raw, opset)
    np.testing.assert_allclose(result, expected, atol=2e-5, rtol=2e-5)
