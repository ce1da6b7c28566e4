"""Writing the report so that a reader never sees half of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgemed.disk import disk_failure, write_whole
from edgemed.errors import BadInput
from edgemed.report.gallery import Picture
from edgemed.report.page import render
from edgemed.types.compilation import Compilation

PNG = b"\x89PNG\r\n\x1a\n"


def write_report(compilation: Compilation, out: Path, pictures: Sequence[Picture] = ()) -> None:
    """Write `report.json` and a self-contained `report.html` into the folder `out`, which is made.

    `pictures` appear in the HTML only. Each file appears whole or not at all;
    one that was there stays until then. Raises `BadInput` where a picture is no PNG, `ToolFailure` where a
    file cannot be written (full disk, no permission).
    """
    for each in pictures:
        if not each.png.startswith(PNG):
            raise BadInput("the picture is not a PNG", where=f"case {each.case}")
    page = render(compilation, pictures)
    _replace(out / "report.json", compilation.to_json())
    _replace(out / "report.html", page)


def _replace(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        remedy = "free space or choose another output folder; what was compiled is kept"
        raise disk_failure(error, path, remedy) from None
