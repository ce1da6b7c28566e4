"""edgemed: from a trained medical classifier to a verified artefact for a point-of-care device."""

import os
import sys

__version__ = "0.1.0"

# No telemetry: onnxruntime (from 1.29), OpenVINO and NNCF decide on it when they are first imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
