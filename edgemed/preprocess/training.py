"""compare_with_training: the recipe's steps against the function that was used in training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.preprocess.front_model import tensor_name
from edgemed.types import InputSpec
from edgemed.user_code import import_remedy, no_exit, run_file

SHARE_OF_RANGE = 1e-3


@dataclass(frozen=True)
class Comparison:
    """The sample whose tensor differs most from the training function's, of all that were compared."""

    function: str
    input: str
    samples: int
    worst_sample: int
    difference: float
    """Largest absolute difference of any value, in the unit of the model's tensor."""
    tolerance: float
    index: tuple[int, ...]
    training: float
    steps: float


def compare_with_training(
    function_ref: str,
    base: Path,
    front: Path,
    spec: InputSpec,
    samples: Iterable[NDArray[Any]],
) -> Comparison:
    """Compare the user's own preprocessing of one input with the graph that `write_front` wrote.

    `function_ref` is `file.py:function`, relative to `base`. The function is called with each raw array (of
    `spec`'s dtype and shape, no batch axis) and gives an array, a torch tensor or a Pillow image, with or
    without a batch axis of 1. The tolerance, in the unit of the model's tensor, is 1e-3 of the range of the
    function's results, plus, for raw integers, 1.5 grey levels for a resize and 0.5 for rgb_to_gray,
    where Pillow rounds and the graph does not.

    Raises `BadInput` where a value differs by more (the worst sample's index, where, and both values), where
    shapes differ, where the function cannot be loaded or fails, and where there are no samples.
    """
    function = _load(function_ref, base)
    run = _FrontRun(front, spec)
    worst: tuple[float, float, Comparison] | None = None
    low, high, count = np.inf, -np.inf, 0
    for count, raw in enumerate(samples, start=1):
        where = f"{function_ref}, sample {count - 1}"
        _check_raw(raw, spec, where)
        expected = _call(function, raw.copy(), where)
        actual = run(raw)
        if expected.shape == (1, *actual.shape):
            expected = expected[0]
        if expected.shape != actual.shape:
            raise BadInput(
                f"the training function gives shape {list(expected.shape)}, "
                f"the steps of input {spec.name!r} give {list(actual.shape)}",
                where=where,
                remedy=f"correct inputs.{spec.name}.steps (layout, resize, crop) or the function",
            )
        finite = expected[np.isfinite(expected)]
        low, high = min(low, finite.min(initial=np.inf)), max(high, finite.max(initial=-np.inf))
        difference = np.nan_to_num(np.abs(expected - actual), nan=np.inf, posinf=np.inf)
        index = np.unravel_index(int(np.argmax(difference)), difference.shape)
        rounding = run.rounding(raw, expected)
        excess = float(difference[index]) - rounding
        if worst is None or excess > worst[0]:
            found = Comparison(
                function_ref, spec.name, count, count - 1, float(difference[index]), rounding,
                tuple(int(i) for i in index), float(expected[index]), float(actual[index]),
            )  # fmt: skip
            worst = excess, rounding, found
    if worst is None:
        raise BadInput("there are no samples to compare", where=function_ref)
    allowed = float(_share(low, high) + worst[1])
    result = replace(worst[2], samples=count, tolerance=allowed)
    if not result.difference <= allowed:
        raise BadInput(
            f"sample {result.worst_sample} of {count}: the steps of input {spec.name!r} differ from the "
            f"training function by {result.difference:.6g} (allowed {allowed:.3g}) at {list(result.index)}: "
            f"training {result.training:.6g}, steps {result.steps:.6g}",
            where=function_ref,
            remedy=f"correct inputs.{spec.name}.steps (their order, resize filter, mean and std), "
            "or name the function that training really used",
        )
    return result


class _FrontRun:
    """The front graph in onnxruntime, one sample of one input at a time."""

    def __init__(self, front: Path, spec: InputSpec) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(front), options, providers=["CPUExecutionProvider"])
        self._spec = spec
        self._others = {
            entry.name: np.zeros([1, *entry.shape[1:]], _numpy_dtype(entry.type))
            for entry in self._session.get_inputs()
            if entry.name != spec.name
        }
        notes = self._session.get_modelmeta().custom_metadata_map
        note = json.loads(notes[tensor_name(spec.name)])
        self._levels: float = note["levels"]
        self._gain: float | None = note["gain"]

    def __call__(self, raw: NDArray[Any]) -> NDArray[np.float64]:
        feeds = {self._spec.name: raw[None], **self._others}
        result = self._session.run([tensor_name(self._spec.name)], feeds)[0][0]
        return np.asarray(result, np.float64)

    def rounding(self, raw: NDArray[Any], expected: NDArray[np.float64]) -> float:
        """How far Pillow's rounding may move this sample's tensor."""
        if not self._levels:
            return 0.0
        gain = self._gain
        if gain is None:
            gain = float(np.ptp(expected)) / max(float(np.ptp(raw.astype(np.float64))), 1.0)
        return self._levels * gain


def _share(low: float, high: float) -> float:
    """The allowed share of the range; of the value itself where there is only one; 0 where there is none."""
    if high < low:
        return 0.0
    return SHARE_OF_RANGE * (high - low or abs(high))


def _numpy_dtype(onnx_type: str) -> str:
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return {"float": "float32", "double": "float64"}.get(name, name)


def _check_raw(raw: NDArray[Any], spec: InputSpec, where: str) -> None:
    if raw.dtype != spec.dtype or raw.shape != spec.shape:
        raise BadInput(
            f"the sample is {raw.dtype} {list(raw.shape)}, "
            f"input {spec.name!r} is {spec.dtype} {list(spec.shape)}",
            where=where,
        )


def _call(function: Callable[[NDArray[Any]], Any], raw: NDArray[Any], where: str) -> NDArray[np.float64]:
    try:
        with no_exit():
            result = function(raw)
        if hasattr(result, "detach"):
            result = result.detach().cpu().numpy()
        return np.asarray(result, np.float64)
    except Exception as error:
        raise BadInput(
            f"the training function failed: {type(error).__name__}: {error}",
            where=where,
            remedy="it is given one raw array (no batch axis) and gives an array, a tensor or an image",
        ) from error


def _load(function_ref: str, base: Path) -> Callable[[NDArray[Any]], Any]:
    file, colon, name = function_ref.partition(":")
    path = base / file
    if not colon or not name.isidentifier() or not file.endswith(".py"):
        raise BadInput(f"{function_ref!r} is not of the form file.py:function", where="training_function")
    if not path.is_file():
        raise BadInput(f"there is no file {file}", where=function_ref)
    try:
        module = run_file(path)
    except Exception as error:
        raise BadInput(
            f"{file} cannot be loaded: {type(error).__name__}: {error}",
            where=function_ref,
            remedy=import_remedy(error, file),
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise BadInput(f"{file} has no function {name!r}", where=function_ref)
    loaded: Callable[[NDArray[Any]], Any] = function
    return loaded
