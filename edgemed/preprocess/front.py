"""Front: ONNX nodes for the steps of one input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgemed.errors import BadInput
from edgemed.preprocess.axes import letters, spatial
from edgemed.types import InputSpec

if TYPE_CHECKING:
    import onnx

PREFIX = "edgemed/front/"
GREY_LEVELS = {"uint8": (0, 255), "uint16": (0, 65535), "int8": (-128, 127), "int16": (-32768, 32767)}


class Front:
    """Collects nodes and constants, step by step, from the raw array `spec` (cast at once) to `after`.

    Axes are addressed by letter. Their order in memory (`axes`) may differ from the layout that the recipe
    has reached: `layout` steps move nothing, `arrange` moves data once, where an op or the end needs it. An
    axis of length 1 may be missing from `axes`. `affine` steps are held back and folded into one Mul and Add,
    behind the move where one is due (runtimes are several times slower along a last axis of 3).
    """

    def __init__(self, spec: InputSpec, after: InputSpec, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.axes = letters(spec)
        self.layout = self.axes
        """The axes as the recipe has them behind the current step."""
        self.sizes = dict(zip(self.axes, spec.shape, strict=True))
        self.spatial = spatial(spec)
        self.grey_levels: tuple[int, int] | None = GREY_LEVELS.get(spec.dtype)
        """Range of the raw integers, for as long as no arithmetic step has changed their unit."""
        self.rounded_levels = 0.0
        """Grey levels by which libraries that round to integers (Pillow) may differ from this graph."""
        self.gain: float | None = 1.0
        """What one grey level has become; None when that depends on the sample."""
        self._scope = PREFIX + spec.name
        self._tensor = spec.name
        self._multiply: NDArray[np.float64] = np.ones(())
        self._add: NDArray[np.float64] = np.zeros(())
        self._after = after
        if after.dtype != spec.dtype:
            self.cast(after.dtype)

    def begin_step(self, index: int, op: str, layout: str) -> None:
        self.layout = layout
        self._scope = f"{self._scope.rsplit('/step', 1)[0]}/step{index}_{op}"

    def affine(self, multiply: ArrayLike, add: ArrayLike) -> None:
        """x * multiply + add; each a number, or one per channel (per column of a table)."""
        multiply, add = _narrow(multiply), _narrow(add)
        if multiply.ndim + add.ndim and "C" in self.axes and self._after.layout.startswith("C"):
            self.arrange("C" + self.spatial)
        self._multiply, self._add = self._multiply * multiply, self._add * multiply + add
        _check_float32(self._multiply, self._add)
        self.grey_levels = None
        if self.gain is not None:
            self.gain *= float(np.max(np.abs(multiply)))

    def emit(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output and give that output's name."""
        from onnx import helper

        name = self._unique(op_type)
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], name=name, **attributes))
        return name

    def then(self, op_type: str, *inputs: str, **attributes: Any) -> None:
        """Append a node that takes the current tensor first and gives the new current tensor."""
        self._tensor = self.emit(op_type, self.tensor, *inputs, **attributes)

    @property
    def tensor(self) -> str:
        """Name of the current tensor (N, *axes), with everything that was held back written out."""
        multiply, add = self._multiply, self._add
        self._multiply, self._add = np.ones(()), np.zeros(())
        if np.any(multiply != 1):
            self._tensor = self.emit("Mul", self._tensor, self._per_channel(multiply))
        if np.any(add != 0):
            self._tensor = self.emit("Add", self._tensor, self._per_channel(add))
        return self._tensor

    @tensor.setter
    def tensor(self, name: str) -> None:
        self._tensor = name

    def constant(self, value: ArrayLike, dtype: str = "float32") -> str:
        from onnx import numpy_helper

        array = np.asarray(value)
        _check_float32(array)
        array = array.astype(dtype)
        name = self._unique("constant")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def position(self, letter: str) -> int:
        """The axis in the tensor (N is 0)."""
        return 1 + self.axes.index(letter)

    def shape(self, axes: str | None = None) -> list[int]:
        return [self.sizes.get(letter, 1) for letter in (self.axes if axes is None else axes)]

    def arrange(self, axes: str) -> None:
        """Bring the tensor's axes into this order, if they are not; axes of length 1 may come and go.

        What is held back stays so: it is per channel, wherever the channels are.
        """
        kept = [letter for letter in self.axes if self.sizes.get(letter, 1) > 1]
        wanted = [letter for letter in axes if self.sizes.get(letter, 1) > 1]
        before = self.shape()
        if kept != wanted:
            order = [*(letter for letter in self.axes if letter not in kept), *wanted]
            permutation = [0, *(self.position(letter) for letter in order)]
            self._tensor = self.emit("Transpose", self._tensor, perm=permutation)
            before = self.shape("".join(order))
        if before != self.shape(axes):
            shape = self.constant([0, *self.shape(axes)], "int64")
            self._tensor = self.emit("Reshape", self._tensor, shape)
        self.axes = axes

    def reshape(self, shape: Sequence[int]) -> None:
        """A new sample shape; the batch axis stays what it is."""
        self.then("Reshape", self.constant([0, *shape], "int64"))

    def mean(self, tensor: str, axes: Sequence[int]) -> str:
        """ReduceMean, axes kept with length 1. The axes became an input at opset 18."""
        if self.opset < 18:
            return self.emit("ReduceMean", tensor, axes=list(axes), keepdims=1)
        return self.emit("ReduceMean", tensor, self.constant(axes, "int64"), keepdims=1)

    def cast(self, dtype: str) -> None:
        from onnx import helper

        self.then("Cast", to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def rounds(self, levels: float) -> None:
        """Note that Pillow rounds here to whole grey levels, by up to `levels`, where this does not."""
        if self.grey_levels is not None:
            self.rounded_levels += levels

    def finish(self) -> None:
        """Write what was held back and bring the axes into the layout of `after`."""
        self.arrange(letters(self._after))
        self._tensor = self.tensor

    def _per_channel(self, values: NDArray[np.float64]) -> str:
        """A constant that goes along C (a table's columns), or one number."""
        if not values.ndim:
            return self.constant(values)
        letter = "C" if "C" in self.axes else self.axes
        return self.constant(values.reshape([-1 if axis == letter else 1 for axis in self.axes]))

    def _unique(self, kind: str) -> str:
        return f"{self._scope}/{kind}_{len(self.nodes) + len(self.constants)}"


def _check_float32(*arrays: NDArray[np.float64]) -> None:
    with np.errstate(over="ignore", under="ignore"):
        narrow = [array.astype(np.float32) for array in arrays]
    for array, narrowed in zip(arrays, narrow, strict=True):
        if not np.all(np.isfinite(narrowed)) or np.any((array != 0) & (narrowed == 0)):
            raise BadInput("a constant of this step is beyond what float32 holds")


def _narrow(values: ArrayLike) -> NDArray[np.float64]:
    """As float64; one number where all are equal."""
    array = np.asarray(values, np.float64)
    return array.reshape(-1)[0].reshape(()) if np.all(array == array.flat[0]) else array
