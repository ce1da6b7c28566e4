"""load_trained_model: the source's form decides which file of this package opens it."""

from __future__ import annotations

from pathlib import Path

from edgemed.errors import BadInput
from edgemed.sources.trained import TrainedModel
from edgemed.types import ModelSpec


def load_trained_model(spec: ModelSpec, base: Path) -> TrainedModel:
    """Open `spec` with paths relative to `base`.

    Raises `BadInput` for a missing, truncated or unsafe file, for weights that do not fit, and for NaN or
    infinity in the weights.
    """
    source, _, factory = spec.source.partition(":")
    suffix = Path(source).suffix.lower()
    if suffix == ".py" and factory:
        from edgemed.sources.factory import Factory

        return Factory(spec, base)
    if suffix == ".py":
        raise BadInput(
            f"{spec.source} names no factory", where="model.source", remedy=f"write {source}:FUNCTION"
        )
    if suffix not in (".onnx", ".pt2"):
        raise BadInput(
            f"{spec.source!r} is not a trained model",
            where="model.source",
            remedy="give model.onnx, model.pt2 (torch.export.save) or file.py:factory with weights",
        )
    if spec.weights is not None or spec.factory_args:
        raise BadInput(
            f"{spec.source} holds its own weights",
            where="model.weights" if spec.weights is not None else "model.factory_args",
            remedy="leave weights and factory_args to file.py:factory",
        )
    if suffix == ".onnx":
        from edgemed.sources.onnx_file import OnnxFile

        return OnnxFile(spec.source, base)
    from edgemed.sources.exported import Exported

    return Exported(spec.source, base)
