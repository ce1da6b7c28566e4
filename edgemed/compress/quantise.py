"""Static int8 by NNCF: scales once, in the form of each runtime."""

from __future__ import annotations

import difflib
import logging
import re
from pathlib import Path

from edgemed.compress.calibration import CalibrationStream
from edgemed.compress.keep_float import float_nodes, is_transformer
from edgemed.compress.nncf_scales import read_scales
from edgemed.compress.onnx_file import read_onnx
from edgemed.compress.openvino_graph import read_for_quantiser
from edgemed.compress.placement import missing_ranges, with_ranges
from edgemed.compress.qdq import write_qdq
from edgemed.compress.ranges import tensor_ranges
from edgemed.compress.scales import Scales
from edgemed.errors import BadInput, ToolFailure
from edgemed.types import QuantiseSpec, SampleSet

OPENVINO_FILE = "openvino.xml"
_RANGE_SAMPLES = 100
_KEEP_FLOAT = "quantise.keep_float"


def find_scales(
    graph: Path, samples: SampleSet, spec: QuantiseSpec, *, seed: int, saturates: bool, out: Path
) -> None:
    """Quantise `graph` with NNCF on OpenVINO and write to `out`: the scales, and the OpenVINO form.

    `saturates`: whether u8 x s8 sums saturate on the target's CPU; with `weight_bits = "auto"` weights then
    get 7 bits. Ranges that only other forms need are measured on the same calibration samples. Raises
    `BadInput` where `spec.keep_float` names no node, `ToolFailure` where nothing can run in int8.
    """
    import nncf
    import openvino as ov
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    nncf.set_log_level(logging.ERROR)
    stream = CalibrationStream(samples, spec.samples, seed)
    kept = {*float_nodes(graph), *_named(graph, spec.keep_float)}
    model = read_for_quantiser(graph)
    seven_bits = spec.weight_bits == "7" or (spec.weight_bits == "auto" and saturates)
    advanced = nncf.AdvancedQuantizationParameters(
        overflow_fix=nncf.OverflowFix.ENABLE if seven_bits else nncf.OverflowFix.DISABLE,
        activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
        if spec.ranges == "minmax"
        else None,
        disable_bias_correction=not spec.bias_correction,
        smooth_quant_alphas=nncf.AdvancedSmoothQuantParameters(matmul=-1),
    )
    quantised = nncf.quantize(
        model,
        nncf.Dataset(stream),
        subset_size=len(stream),
        preset=nncf.QuantizationPreset(spec.preset),
        model_type=nncf.ModelType.TRANSFORMER if is_transformer(graph) else None,
        ignored_scope=nncf.IgnoredScope(patterns=list(map(_pattern, sorted(kept))), validate=False),
        advanced_parameters=advanced,
    )
    ov.save_model(quantised, out / OPENVINO_FILE, compress_to_fp16=False)
    scales = read_scales(quantised, read_onnx(graph), biases_corrected=spec.bias_correction)
    if not scales.weights:
        raise ToolFailure("nothing in this model can run in int8", where=graph.name)
    del model, quantised
    missing = missing_ranges(graph, scales)
    if missing:
        stream = CalibrationStream(samples, min(spec.samples, _RANGE_SAMPLES), seed)
        scales = with_ranges(scales, missing, tensor_ranges(graph, missing, stream))
    scales.save(out)


def write_uint8_activations(graph: Path, scales_folder: Path, out: Path) -> None:
    """Write the form `int8-uint8-activations` from what `find_scales` left in `scales_folder`."""
    write_qdq(graph, Scales.load(scales_folder), out, signed=False)


def write_signed_activations(graph: Path, scales_folder: Path, out: Path) -> None:
    """Write the form `int8-signed-activations` from what `find_scales` left in `scales_folder`."""
    write_qdq(graph, Scales.load(scales_folder), out, signed=True)


def _named(graph: Path, wanted: tuple[str, ...]) -> set[str]:
    """Names of the nodes that the recipe keeps in float. Raises `BadInput` where an entry names none."""
    names = [node.name for node in read_onnx(graph).graph.node]
    found: set[str] = set()
    for entry in wanted:
        try:
            fits = {name for name in names if name == entry or re.fullmatch(entry, name)}
        except re.error as error:
            raise BadInput(f"{entry!r} is no regular expression: {error}", where=_KEEP_FLOAT) from None
        if not fits:
            raise BadInput(f"no node is named {entry!r}", where=_KEEP_FLOAT, remedy=_near(entry, names))
        found |= fits
    return found


def _near(entry: str, names: list[str]) -> str:
    near = difflib.get_close_matches(entry, names, n=1)
    return f"did you mean {near[0]!r}?" if near else "edgemed inspect lists the layers of a model"


def _pattern(name: str) -> str:
    """The OpenVINO nodes that an ONNX node becomes: its name and `name/...`."""
    return f"^{re.escape(name)}(/.*)?$"
