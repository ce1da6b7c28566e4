"""A wheel around a bundle: `import chest_xray; chest_xray.load().predict(x)`.

The form is that of the binary distribution format 1.0 (PEP 427) with core metadata 2.1. The same bundle gives
the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import keyword
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from edgemed import __version__
from edgemed.bundle.manifest import BundleManifest
from edgemed.bundle.reader import Bundle
from edgemed.bundle.writer import pieces_of
from edgemed.disk import disk_failure, flush_one, new_part
from edgemed.errors import BadInput

BUNDLE_FILE = "model.edgemed"
_LAST_OF_PYTHON_310 = {"onnxruntime": "1.23.2"}
"""Later versions need Python 3.11; the opset and IR of what edgemed writes fit both."""
_OF_THE_SYSTEM = ("tensorrt",)
"""Never asked of pip: a Jetson has its own."""
_DATE = (1980, 1, 1, 0, 0, 0)
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

from edgemed.device.command import run

from {module} import BUNDLE


def main() -> None:
    sys.exit(run(["run", str(BUNDLE), *sys.argv[1:]]))


if __name__ == "__main__":
    main()
'''


def module_name(name: str) -> str:
    """Of a model: `chest-xray` is imported as `chest_xray`. Raises `BadInput` where that is no name."""
    module = re.sub(r"[-.+]+", "_", name).lower()
    if not module.isidentifier() or keyword.iskeyword(module) or module == "edgemed":
        raise BadInput(
            f"{name!r} makes no module: {module!r}",
            where="the bundle's name",
            remedy="change name in the recipe, and compile again",
        )
    return module


def write_wheel(bundle: Bundle, folder: Path) -> Path:
    """`MODULE-VERSION-py3-none-any.whl` in `folder`, whole or not at all.

    Raises `BadInput` where name or version are none of a wheel, `ToolFailure` where the disk refuses.
    """
    manifest = bundle.manifest
    module, version = module_name(manifest.name), _version(manifest.version)
    path = folder / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    texts = {
        f"{module}/__init__.py": _LIBRARY.format(name=manifest.name, version=version, bundle=BUNDLE_FILE),
        f"{module}/__main__.py": _COMMAND.format(module=module),
        f"{module}/py.typed": "",
        f"{info}/METADATA": _metadata(manifest, module, version),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: edgemed {__version__}\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{module} = {module}.__main__:main\n",
    }
    part: Path | None = None
    try:
        part, file = new_part(path)
        with file, zipfile.ZipFile(file, "w") as archive:
            record = [_add(archive, f"{module}/{BUNDLE_FILE}", pieces_of(bundle.path))]
            record += [_add(archive, name, iter([text.encode()])) for name, text in texts.items()]
            listed = "".join(f"{line}\n" for line in (*record, f"{info}/RECORD,,"))
            _add(archive, f"{info}/RECORD", iter([listed.encode()]))
        flush_one(part)
        part.replace(path)
    except OSError as error:
        raise disk_failure(error, path) from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    return path


def _add(archive: zipfile.ZipFile, name: str, pieces: Iterator[bytes]) -> str:
    """Its line in RECORD."""
    entry = zipfile.ZipInfo(name, _DATE)
    entry.external_attr = 0o644 << 16
    sha, size = hashlib.sha256(), 0
    with archive.open(entry, "w") as file:
        for piece in pieces:
            file.write(piece)
            sha.update(piece)
            size += len(piece)
    digest = base64.urlsafe_b64encode(sha.digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{size}"


def _metadata(manifest: BundleManifest, module: str, version: str) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {module.replace('_', '-')}",
        f"Version: {version}",
        f"Summary: {manifest.name} {version}, packed by edgemed {__version__}",
        "Requires-Python: >=3.10",
        f"Requires-Dist: edgemed=={__version__}",
        *(f"Requires-Dist: {need}" for need in _needs(manifest)),
    ]
    return "\n".join(lines) + "\n"


def _needs(manifest: BundleManifest) -> list[str]:
    """The very versions that were judged, where Python has them."""
    needs = []
    for runtime in sorted({each.backend for each in manifest.artefacts.values()}):
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
