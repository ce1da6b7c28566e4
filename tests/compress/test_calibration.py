"""The calibration stream and the ranges that are measured on it."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgemed.child import run_in_child
from edgemed.compress.calibration import CalibrationStream
from edgemed.compress.ranges import tensor_ranges
from edgemed.compress.scales import ActivationScale, Scales, WeightScale
from edgemed.errors import BadInput
from edgemed.readers import open_set
from edgemed.readers.stream import StreamedSet
from edgemed.types import InputSpec, Sample


class Numbers(StreamedSet):
    """Sample i holds i; counts what was decoded; the numbers in `bad` are left out as unreadable."""

    def __init__(self, total: int, bad: frozenset[int] = frozenset()) -> None:
        super().__init__("numbers", length=total, labelled=False, skip_bad=True)
        self.bad = bad
        self.decoded: list[int] = []

    def cases(self):
        for i in range(len(self)):
            yield str(i), functools.partial(self._sample, i)

    def targets(self):
        return ((str(i), {}) for i in range(len(self)))

    def _sample(self, i: int) -> Sample:
        self.decoded.append(i)
        if i in self.bad:
            raise BadInput("unreadable")
        return Sample(str(i), {"x": np.array([i, i], np.float32), "n": np.array(i)}, {})


def _chosen(stream: CalibrationStream) -> list[int]:
    return [int(batch["n"][0]) for batch in stream]


@given(st.integers(1, 40), st.integers(1, 60), st.integers(0, 2**32))
def test_a_stream_has_its_count_in_order_and_repeats(total: int, count: int, seed: int):
    samples = Numbers(total)
    stream = CalibrationStream(samples, count, seed)
    chosen = _chosen(stream)
    assert len(chosen) == len(stream) == min(total, count)
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(range(total))
    assert _chosen(stream) == _chosen(CalibrationStream(Numbers(total), count, seed)) == chosen
    assert sorted(samples.decoded) == sorted(2 * chosen)


def test_another_seed_chooses_others():
    assert len({tuple(_chosen(CalibrationStream(Numbers(100), 10, seed))) for seed in range(20)}) == 20


@given(st.integers(1, 30), st.sets(st.integers(0, 29)), st.integers(1, 40), st.integers(0, 99))
def test_readable_samples_take_the_place_of_others(total: int, bad: set[int], count: int, seed: int):
    samples = Numbers(total, frozenset(bad))
    readable = set(range(total)) - bad
    chosen = _chosen(CalibrationStream(samples, count, seed))
    assert len(chosen) == len(set(chosen)) == min(count, len(readable))
    assert set(chosen) <= readable
    assert len(samples.decoded) <= len(chosen) + len(bad)


def test_pictures_that_are_not_chosen_are_not_decoded(tmp_path: Path):
    from PIL import Image

    chosen = sorted(np.random.default_rng(2).permutation(30)[:5].tolist())
    for i in range(30):
        path = tmp_path / f"{i:02}.png"
        path.write_text("no picture")
        if i in chosen:
            Image.new("L", (4, 4), color=i).save(path)
    samples = open_set(str(tmp_path), [InputSpec("x", "uint8", (4, 4), "HW")], [], base=tmp_path)
    assert [int(batch["x"].max()) for batch in CalibrationStream(samples, 5, 2)] == chosen


def test_batches_are_of_one():
    batch = next(iter(CalibrationStream(Numbers(3), 3, 0)))
    assert {name: array.shape for name, array in batch.items()} == {"x": (1, 2), "n": (1,)}
    assert batch["x"].dtype == np.float32


@pytest.mark.parametrize("name", ["residual2d", "fusion", "heads"])
def test_ranges_are_those_that_numpy_finds(net_of, name: str):
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper

    net = net_of(name)
    model = onnx.load(net.path)
    tensors = [node.output[0] for node in model.graph.node if node.op_type in ("Conv", "Relu", "Gemm")]
    tensors += [spec.name for spec in net.inputs if spec.dtype == "float32"]
    batch = net.batch(9, seed=4)
    stream = [{key: array[i : i + 1] for key, array in batch.items()} for i in range(9)]
    found = tensor_ranges(net.path, tensors, stream)
    assert list(found) == tensors
    del model.graph.output[:]
    inside = [tensor for tensor in tensors if tensor not in batch]
    model.graph.output.extend(helper.make_tensor_value_info(t, TensorProto.FLOAT, None) for t in inside)
    values = dict(
        zip(inside, ort.InferenceSession(model.SerializeToString()).run(inside, batch), strict=True)
    )
    for tensor, (low, high) in found.items():
        array = values.get(tensor, batch.get(tensor))
        assert (low, high) == pytest.approx((array.min(), array.max()), rel=1e-5, abs=1e-6)


_COUNT_BATCHES = """
from pathlib import Path
import numpy as np
from edgemed.compress.ranges import tensor_ranges
shapes = [(64, 3, 16, 16)] * {batches}
stream = map(lambda shape, ones=np.ones: dict(image=ones(shape, "f4")), shapes)
tensor_ranges(Path({path!r}), {tensors!r}, stream)
"""


@pytest.mark.slow
def test_memory_of_ranges_does_not_grow_with_the_stream(net_of):
    path = str(net_of("residual2d").path)
    peaks = [
        run_in_child(
            exec, _COUNT_BATCHES.format(path=path, tensors=["conv0_out"], batches=batches), what="ranges"
        ).peak_mib
        for batches in (4, 400)
    ]
    assert peaks[1] < peaks[0] + 20, "400 batches alone are 75 MiB"


def test_scales_come_back_from_disk(tmp_path: Path):
    rng = np.random.default_rng(0)
    scales = Scales(
        (ActivationScale("a", -1.25, 3.0, ("x", "y")), ActivationScale("a", 0.0, 1e-9, ("z",))),
        (
            WeightScale(
                "x", rng.integers(-127, 127, (4, 3, 3)).astype(np.int8), rng.random(4, np.float32), 0
            ),
            WeightScale("y", rng.integers(-127, 127, (5, 6)).astype(np.int8), rng.random(6, np.float32), 1),
        ),
        {"x": rng.random(4, np.float32)},
    )
    scales.save(tmp_path)
    again = Scales.load(tmp_path)
    assert again.activations == scales.activations
    assert [(w.node, w.axis) for w in again.weights] == [("x", 0), ("y", 1)]
    for one, other in zip(again.weights, scales.weights, strict=True):
        assert np.array_equal(one.values, other.values)
        assert one.values.dtype == np.int8
        assert np.array_equal(one.scale, other.scale)
    assert list(again.biases) == ["x"]
    assert np.array_equal(again.biases["x"], scales.biases["x"])
