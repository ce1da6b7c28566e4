"""Run the front graph in a real runtime; the real X-rays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgemed.preprocess import tensor_name, tensor_spec, write_front
from edgemed.types import InputSpec, Step

Array = NDArray[Any]
RunFront = Callable[..., Array]


@pytest.fixture(scope="session")
def run_front(tmp_path_factory: pytest.TempPathFactory) -> RunFront:
    """(spec, steps, batch, opset=18) -> the preprocessed batch from onnxruntime, as tensor_spec says."""
    import onnx
    import onnxruntime

    path = tmp_path_factory.mktemp("front") / "front.onnx"

    def run(spec: InputSpec, steps: list[Step], batch: Array, opset: int = 18) -> Array:
        write_front([spec], {spec.name: steps}, path, opset=opset)
        onnx.checker.check_model(str(path), full_check=True)
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        after = tensor_spec(spec, steps)
        assert session.get_inputs()[0].shape == ["batch", *spec.shape]
        assert session.get_outputs()[0].shape == ["batch", *after.shape]
        result: Array = session.run([tensor_name(spec.name)], {spec.name: batch})[0]
        assert result.dtype == after.dtype
        assert result.shape == (len(batch), *after.shape)
        return result

    return run


@pytest.fixture(scope="session")
def x_rays(data_dir: Path) -> Array:
    """32 real chest X-rays, uint8 (32, 28, 28)."""
    with np.load(data_dir / "pneumoniamnist.npz") as file:
        return np.asarray(file["test_images"][:32])


@pytest.fixture(scope="session")
def noise() -> Array:
    """Grey noise, and black and white noise, which overshoots most: uint8 (2, 64, 48)."""
    rng = np.random.default_rng(7)
    return np.stack([rng.integers(0, 256, (64, 48)), 255 * rng.integers(0, 2, (64, 48))]).astype(np.uint8)
