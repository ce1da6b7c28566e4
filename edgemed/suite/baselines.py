"""What a user would get without edgemed: each runtime with its own tools, in its own best form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgemed.compress.calibration import CalibrationStream
from edgemed.runtime import host_facts, instruction_sets, int8_sums_saturate
from edgemed.stages.job import SetSource


def quantise_with_onnxruntime(graph: str, calibrate: SetSource, samples: int, folder: Path) -> dict[str, Any]:
    """`quantize_static`: Q/DQ, uint8 activations, int8 weights per channel; 7 bits where sums saturate."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter(CalibrationStream(calibrate.open(), samples, 0))

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    prepared = folder / "prepared.onnx"
    quant_pre_process(graph, prepared)
    quantize_static(
        prepared,
        folder / "model.onnx",
        Reader(),
        per_channel=True,
        reduce_range=int8_sums_saturate(host_facts()["arch"], instruction_sets()),
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    return {}


def quantise_with_nncf(graph: str, calibrate: SetSource, samples: int, folder: Path) -> dict[str, Any]:
    """`nncf.quantize` of the graph as OpenVINO reads it, everything at its default."""
    import nncf
    import openvino as ov

    stream = CalibrationStream(calibrate.open(), samples, 0)
    model = ov.Core().read_model(graph)
    quantised = nncf.quantize(model, nncf.Dataset(stream), subset_size=len(stream))
    ov.save_model(quantised, folder / "model.xml", compress_to_fp16=False)
    return {}
