"""`ai.onnx.ml` operators (scikit-learn's, through skl2onnx) written with standard ONNX operators.

OpenVINO and TensorRT run no `ai.onnx.ml`. What is not known here stays as it is, and so on onnxruntime alone.
The meaning of each operator is onnxruntime's, where it and the operators' documentation differ.
"""

from edgemed.sources.ml_ops.lowering import ML_DOMAIN, lower_ml_operators, ml_operators

__all__ = ["ML_DOMAIN", "lower_ml_operators", "ml_operators"]
