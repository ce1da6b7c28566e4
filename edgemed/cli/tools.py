"""The tools that edgemed works with: what each is for, and what installs it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from edgemed.errors import Unavailable

_COMPILE = "pip install 'edgemed[compile]'"
_IMAGES = "pip install 'edgemed[images]'"


@dataclass(frozen=True)
class Tool:
    """`name` on the package index, `module` as it is imported; `always`: no compile goes without."""

    name: str
    module: str
    use: str
    remedy: str
    always: bool = False


TOOLS = (
    Tool("onnx", "onnx", "every compile", _COMPILE, always=True),
    Tool("scipy", "scipy", "intervals of figures", _COMPILE, always=True),
    Tool("scikit-learn", "sklearn", "ROC curves", _COMPILE, always=True),
    Tool("jinja2", "jinja2", "report.html", _COMPILE, always=True),
    Tool("cyclonedx-python-lib", "cyclonedx", "the bill of materials", _COMPILE, always=True),
    Tool("packaging", "packaging", "the bill of materials, package --wheelhouse", _COMPILE, always=True),
    Tool("license-expression", "license_expression", "card.licence", _COMPILE),
    Tool("rich", "rich", "every command", _COMPILE),
    Tool("nncf", "nncf", "int8", _COMPILE),
    Tool("torch", "torch", "models from .pt2 and file.py:factory", _COMPILE),
    Tool("onnxscript", "onnxscript", "export from torch", _COMPILE),
    Tool("onnx-ir", "onnx_ir", "ONNX files with unsorted nodes or in float16", _COMPILE),
    Tool("torch-pruning", "torch_pruning", "--prune", _COMPILE),
    Tool("safetensors", "safetensors", "weights in .safetensors", _COMPILE),
    Tool("pillow", "PIL", "PNG, JPEG, TIFF", _IMAGES),
    Tool("pydicom", "pydicom", "DICOM", _IMAGES),
    Tool("nibabel", "nibabel", "NIfTI", _IMAGES),
    Tool("nilearn", "nilearn", "the imageless-MR demo, mr simulate", "pip install 'edgemed[mr]'"),
)


def require_tools() -> None:
    """Raises `Unavailable` where a tool is missing that every compile needs, some of them only at its end."""
    missing = [each.name for each in TOOLS if each.always and find_spec(each.module) is None]
    if missing:
        raise Unavailable(
            f"a compile needs {', '.join(missing)}: not installed",
            remedy=_COMPILE,
        )
