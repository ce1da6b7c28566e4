"""A wheel around a bundle: `import chest_xray; chest_xray.load().predict(x)`.

Core metadata are 2.1. The same bundle gives the same bytes.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Collection
from pathlib import Path

from edgemed import __version__
from edgemed.bundle.manifest import BundleManifest
from edgemed.bundle.reader import Bundle
from edgemed.bundle.writer import pieces_of
from edgemed.errors import BadInput
from edgemed.stages.wheel_file import write_wheel_file

BUNDLE_FILE = "model.edgemed"
_LAST_OF_PYTHON_310 = {"onnxruntime": "1.23.2"}
"""Later versions need Python 3.11; the opset and IR of what edgemed writes fit both."""
_OF_THE_SYSTEM = ("tensorrt",)
"""Never asked of pip: a Jetson has its own."""
EXTRAS = ("images", "raw")
"""Of edgemed, for devices that read such files themselves."""
_TAKEN = sys.stdlib_module_names | {"edgemed", "nacl", "numpy", "onnxruntime", "openvino", "tensorrt"}
_LIBRARY = '''"""{name} {version}, as it was judged: a bundle that this machine must trust.

A tool for engineers, not a medical device.
"""

from __future__ import annotations

from pathlib import Path

from edgemed.runtime import Session

__all__ = ["BUNDLE", "load"]
__version__ = "{version}"
BUNDLE = Path(__file__).with_name("{bundle}")


def load(*, threads: int | None = None, unsigned: bool = False) -> Session:
    """Verify the bundle, replay its golden cases, and give what answers: see `edgemed.runtime.Session`."""
    return Session.load(BUNDLE, threads=threads, unsigned=unsigned)
'''
_COMMAND = '''"""`{module} FILE`: one answer, as `edgemed-device run` gives it."""

from __future__ import annotations

import sys

from edgemed.device.command import run_bundle

from {module} import BUNDLE


def main() -> None:
    sys.exit(run_bundle(BUNDLE, sys.argv[1:], prog="{module}"))


if __name__ == "__main__":
    main()
'''


def module_name(name: str) -> str:
    """Of a model: `chest-xray` is imported as `chest_xray`.

    Raises `BadInput` where that is no name, or that of a module that is there already.
    """
    module = re.sub(r"[-_.+]+", "_", name).strip("_").lower()
    if not module.isidentifier() or keyword.iskeyword(module) or module in _TAKEN:
        taken = ", the name of another module" if module in _TAKEN else ""
        raise BadInput(
            f"{name!r} makes no module: {module!r}{taken}",
            where="the bundle's name",
            remedy="change name in the recipe, and compile again",
        )
    return module


def project_name(name: str) -> str:
    """Of a model, as pip names it: `chest-xray`. Raises what `module_name` raises."""
    return module_name(name).replace("_", "-")


def wheel_name(manifest: BundleManifest) -> str:
    """Of the file. Raises `BadInput` where name or version are none of a wheel."""
    return f"{module_name(manifest.name)}-{_version(manifest.version)}-py3-none-any.whl"


def write_wheel(bundle: Bundle, folder: Path, runtimes: Collection[str]) -> Path:
    """`MODULE-VERSION-py3-none-any.whl` in `folder`, which asks for `runtimes`: whole or not at all.

    Raises `BadInput` where name or version are none of a wheel, `ToolFailure` where the disk refuses.
    """
    manifest = bundle.manifest
    module, version = module_name(manifest.name), _version(manifest.version)
    path = folder / wheel_name(manifest)
    info = f"{module}-{version}.dist-info"
    texts = {
        f"{module}/__init__.py": _LIBRARY.format(name=manifest.name, version=version, bundle=BUNDLE_FILE),
        f"{module}/__main__.py": _COMMAND.format(module=module),
        f"{module}/py.typed": "",
        f"{info}/METADATA": _metadata(manifest, module, version, requirements(manifest, runtimes)),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: edgemed {__version__}\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{module} = {module}.__main__:main\n",
    }
    written = {name: [text.encode()] for name, text in texts.items()}
    write_wheel_file(path, info, {f"{module}/{BUNDLE_FILE}": pieces_of(bundle.path), **written})
    return path


def _metadata(manifest: BundleManifest, module: str, version: str, needs: list[str]) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project_name(manifest.name)}",
        f"Version: {version}",
        f"Summary: {manifest.name} {version}, packed by edgemed {__version__}",
        "Requires-Python: >=3.10",
        *(f"Requires-Dist: {need}" for need in needs),
    ]
    for extra in EXTRAS:
        lines.append(f"Provides-Extra: {extra}")
        lines.append(f"Requires-Dist: edgemed[{extra}]=={__version__}; extra == '{extra}'")
    return "\n".join(lines) + "\n"


def runtimes_of(manifest: BundleManifest, named: Collection[str] = ()) -> list[str]:
    """Those of its artefacts, or of them those that are `named`. Raises `BadInput` for another."""
    present = sorted({each.backend for each in manifest.artefacts.values()})
    for name in named:
        if name not in present:
            raise BadInput(
                f"no artefact is for {name!r}",
                where="--runtime",
                remedy=f"the bundle has {', '.join(present)}",
            )
    return [name for name in present if not named or name in named]


def requirements(manifest: BundleManifest, runtimes: Collection[str]) -> list[str]:
    """edgemed and the very versions of `runtimes` that were judged, where Python has them (PEP 508)."""
    needs = [f"edgemed=={__version__}"]
    for runtime in runtimes:
        version = manifest.tools.get(runtime)
        if version is None or runtime in _OF_THE_SYSTEM:
            continue
        older = _LAST_OF_PYTHON_310.get(runtime)
        if older is None:
            needs.append(f"{runtime}=={version}")
        else:
            needs.append(f'{runtime}=={older}; python_version < "3.11"')
            needs.append(f'{runtime}=={version}; python_version >= "3.11"')
    return needs


def _version(version: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?", version):
        raise BadInput(
            f"{version!r} is no version of a wheel",
            where="the bundle's version",
            remedy="write a version such as 1.2.0 in the recipe, and compile again",
        )
    return version
