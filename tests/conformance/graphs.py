"""Small graphs of each kind that edgemed meets, with random weights, written by hand in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgemed.types import DType, InputSpec, OutputSpec, Sample

OPSET = 18


@dataclass(frozen=True)
class Net:
    """A graph on disk and its contract."""

    name: str
    path: Path
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]

    def batch(self, rows: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Seeded samples that differ in mean and contrast, so that answers differ too."""
        rng = np.random.default_rng(seed)
        arrays = {}
        for spec in self.inputs:
            each = (rows, *[1] * len(spec.shape))
            array = rng.normal(size=(rows, *spec.shape)) * rng.uniform(0.3, 1.5, each) + rng.normal(size=each)
            if spec.dtype == "uint8":
                array = np.clip(np.rint(array * 40 + 128), 0, 255)
            arrays[spec.name] = array.astype(spec.dtype)
        return arrays

    def samples(self, count: int, seed: int = 1) -> Samples:
        return Samples(self.batch(count, seed))


class Samples:
    """A sample set held in memory."""

    source = "drawn"
    labelled = False
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __iter__(self):
        return self.select(range(len(self)))

    def select(self, indices):
        for i in sorted(indices):
            yield Sample(f"case-{i}", {name: array[i] for name, array in self.arrays.items()}, {})


class Writer:
    """Collects nodes; every method gives the name of its result."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list = []
        self.constants: list = []

    def constant(self, value: np.ndarray, name: str = "") -> str:
        from onnx import numpy_helper

        name = name or f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, op: str, *inputs: str, name: str = "", out: str = "", **attributes) -> str:
        from onnx import helper

        name = name or f"{op.lower()}{len(self.nodes)}"
        out = out or f"{name}_out"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=name, **attributes))
        return out

    def weights(self, *shape: int, fan_in: int) -> str:
        return self.constant((self.rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float32))

    def bias(self, size: int) -> str:
        return self.constant(self.rng.normal(size=size).astype(np.float32) * 0.2)

    def conv(
        self, x: str, inside: int, outside: int, kernel: int, dims: int, *,
        stride: int = 1, groups: int = 1, bias: bool = True, name: str = "",
    ) -> str:  # fmt: skip
        fan_in = inside // groups * kernel**dims
        inputs = [x, self.weights(outside, inside // groups, *[kernel] * dims, fan_in=fan_in)]
        if bias:
            inputs.append(self.bias(outside))
        return self.add(
            "Conv", *inputs, name=name, group=groups, strides=[stride] * dims,
            pads=[kernel // 2] * 2 * dims, kernel_shape=[kernel] * dims,
        )  # fmt: skip

    def gemm(
        self, x: str, inside: int, outside: int, *, trans: int = 1, name: str = "", out: str = ""
    ) -> str:
        shape = (outside, inside) if trans else (inside, outside)
        weights = self.weights(*shape, fan_in=inside)
        return self.add("Gemm", x, weights, self.bias(outside), name=name, out=out, transB=trans)

    def linear(self, x: str, inside: int, outside: int, name: str = "") -> str:
        product = self.add("MatMul", x, self.weights(inside, outside, fan_in=inside), name=name)
        return self.add("Add", product, self.bias(outside))

    def relu(self, x: str) -> str:
        return self.add("Relu", x)

    def pooled(self, x: str) -> str:
        return self.add("Flatten", self.add("GlobalAveragePool", x))

    def sigmoid(self, x: str, out: str) -> str:
        return self.add("Sigmoid", x, name=f"edgemed/ending/{out}/Sigmoid", out=out)

    def softmax(self, x: str, out: str) -> str:
        return self.add("Softmax", x, name=f"edgemed/ending/{out}/Softmax", out=out)

    def write(
        self, folder: Path, name: str, inputs: tuple[InputSpec, ...], outputs: tuple[OutputSpec, ...], *,
        opset: int = OPSET,
    ) -> Net:  # fmt: skip
        from onnx import TensorProto, helper, save

        types = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(i.name, types[i.dtype], ["N", *i.shape]) for i in inputs],
            [helper.make_tensor_value_info(o.name, TensorProto.FLOAT, ["N", o.columns]) for o in outputs],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        save(model, folder / f"{name}.onnx")
        return Net(name, folder / f"{name}.onnx", inputs, outputs)


def _input(name: str, *shape: int, dtype: DType = "float32") -> InputSpec:
    return InputSpec(name, dtype, shape)


_SCORE = (OutputSpec("score", "binary", 1),)
_CLASSES = (OutputSpec("classes", "multiclass", 3),)


def cnn1d(folder: Path) -> Net:
    g = Writer(1)
    x = g.relu(g.conv("signal", 2, 8, 7, 1, stride=2))
    x = g.relu(g.conv(x, 8, 8, 5, 1, stride=2))
    x = g.relu(g.gemm(g.pooled(x), 8, 8))
    g.sigmoid(g.gemm(x, 8, 1, name="head"), "score")
    return g.write(folder, "cnn1d", (_input("signal", 2, 64),), _SCORE)


def residual2d(folder: Path) -> Net:
    g = Writer(2)
    x = g.relu(g.conv("image", 3, 8, 3, 2, stride=2))
    x = g.add("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = g.relu(g.conv(x, 8, 8, 3, 2))
    x = g.relu(g.add("Add", g.conv(y, 8, 8, 3, 2), x))
    g.softmax(g.gemm(g.pooled(x), 8, 3, name="head"), "classes")
    return g.write(folder, "residual2d", (_input("image", 3, 16, 16),), _CLASSES)


def cnn3d(folder: Path) -> Net:
    g = Writer(3)
    x = g.relu(g.conv("volume", 1, 4, 3, 3))
    x = g.add("MaxPool", x, kernel_shape=[2] * 3, strides=[2] * 3)
    x = g.relu(g.conv(x, 4, 8, 3, 3))
    g.sigmoid(g.gemm(g.pooled(x), 8, 1, name="head"), "score")
    return g.write(folder, "cnn3d", (_input("volume", 1, 8, 8, 8),), _SCORE)


def gru(folder: Path) -> Net:
    from onnx import helper

    g = Writer(4)
    x = g.add("Transpose", "sequence", perm=[1, 0, 2])
    weights, again = g.weights(1, 18, 2, fan_in=4), g.weights(1, 18, 6, fan_in=12)
    last = "last"
    g.nodes.append(helper.make_node("GRU", [x, weights, again], ["", last], name="gru", hidden_size=6))
    x = g.add("Squeeze", last, g.constant(np.array([0])))
    g.sigmoid(g.gemm(x, 6, 1, name="head"), "score")
    return g.write(folder, "gru", (_input("sequence", 12, 2),), _SCORE)


def attention(folder: Path) -> Net:
    g = Writer(5)
    ones, zeros = (g.constant(np.full(8, value, np.float32)) for value in (1, 0))
    x = g.linear("tokens", 8, 8, name="embed")
    n = g.add("LayerNormalization", x, ones, zeros, name="norm")
    q, k, v = (g.linear(n, 8, 8, name=name) for name in ("query", "key", "value"))
    scores = g.add("MatMul", q, g.add("Transpose", k, perm=[0, 2, 1]), name="scores")
    weights = g.add("Softmax", g.add("Mul", scores, g.constant(np.float32(8**-0.5))), name="attend")
    x = g.add("Add", x, g.linear(g.add("MatMul", weights, v, name="mix"), 8, 8, name="join"))
    x = g.add("ReduceMean", x, g.constant(np.array([1])), keepdims=0)
    g.sigmoid(g.gemm(x, 8, 1, name="head"), "score")
    return g.write(folder, "attention", (_input("tokens", 6, 8),), _SCORE)


def fusion(folder: Path) -> Net:
    g = Writer(6)
    x = g.relu(g.conv("image", 1, 8, 3, 2, stride=2))
    x = g.pooled(g.relu(g.conv(x, 8, 8, 3, 2, stride=2)))
    t = g.relu(g.gemm("table", 4, 8))
    x = g.relu(g.gemm(g.add("Concat", x, t, axis=1, name="join"), 16, 8, name="joint"))
    g.sigmoid(g.gemm(x, 8, 1, name="head"), "score")
    return g.write(folder, "fusion", (_input("image", 1, 12, 12), _input("table", 4)), _SCORE)


def heads(folder: Path) -> Net:
    """uint8 in, preprocessing in front, a classification and a regression head behind."""
    from onnx import TensorProto

    g = Writer(7)
    x = g.add("Cast", "image", name="edgemed/front/image/Cast", to=TensorProto.FLOAT)
    x = g.add("Sub", x, g.constant(np.float32(128)), name="edgemed/front/image/Sub")
    x = g.add("Mul", x, g.constant(np.float32(1 / 40)), name="edgemed/front/image/Mul")
    x = g.relu(g.conv(x, 1, 8, 3, 2, stride=2))
    x = g.pooled(g.relu(g.conv(x, 8, 8, 3, 2)))
    g.softmax(g.gemm(x, 8, 3, name="head"), "classes")
    g.gemm(x, 8, 1, name="volume_head", out="volume")
    outputs = (*_CLASSES, OutputSpec("volume", "regression", 1, unit="mL"))
    return g.write(folder, "heads", (_input("image", 1, 12, 12, dtype="uint8"),), outputs)


def mlp(folder: Path) -> Net:
    """Weights of every kind of dense layer: Gemm transposed and not, MatMul with an Add behind."""
    g = Writer(8)
    x = g.relu(g.gemm("table", 8, 16, trans=1, name="transposed"))
    x = g.relu(g.gemm(x, 16, 12, trans=0, name="plain"))
    x = g.relu(g.linear(x, 12, 10, name="product"))
    g.softmax(g.gemm(x, 10, 3, name="head"), "classes")
    return g.write(folder, "mlp", (_input("table", 8),), _CLASSES)


def mobile(folder: Path) -> Net:
    """Depthwise and grouped convolutions, one without bias, Swish and HardSwish, pooling between."""
    g = Writer(9)
    x = g.conv("image", 3, 8, 3, 2, stride=2, bias=False, name="stem")
    x = g.add("Mul", x, g.add("Sigmoid", x))
    x = g.conv(x, 8, 8, 3, 2, groups=8, name="depthwise")
    x = g.add("HardSwish", x)
    x = g.conv(x, 8, 16, 3, 2, groups=2, name="grouped")
    x = g.add("MaxPool", g.relu(x), kernel_shape=[2, 2], strides=[2, 2])
    x = g.conv(x, 16, 8, 1, 2, name="project")
    g.softmax(g.gemm(g.pooled(x), 8, 3, name="head"), "classes")
    return g.write(folder, "mobile", (_input("image", 3, 16, 16),), _CLASSES)


GRAPHS: dict[str, Callable[[Path], Net]] = {
    make.__name__: make for make in (cnn1d, residual2d, cnn3d, gru, attention, fusion, heads, mlp, mobile)
}


def write_sparse(path: Path, opset: int) -> None:
    """`y = x w`, (n, 4) to (n, 2), whose sparse constant keeps onnx from converting the file."""
    import onnx
    from onnx import TensorProto, helper

    weight = helper.make_sparse_tensor(
        helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0]),
        helper.make_tensor("i", TensorProto.INT64, [2], [0, 5]),
        [4, 2],
    )
    nodes = [
        helper.make_node("Constant", [], ["w"], sparse_value=weight),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", n]) for name, n in (("x", 4), ("y", 2))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.save(model, str(path))
