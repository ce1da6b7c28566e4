"""Writing the report so that a reader never sees half of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from edgemed.disk import disk_failure, write_whole
from edgemed.errors import BadInput
from edgemed.report.gallery import Picture, pictures_in
from edgemed.report.page import render
from edgemed.report.stress_file import read_stress
from edgemed.types.compilation import Compilation
from edgemed.types.stress import STRESS_FILE, Stress

PNG = b"\x89PNG\r\n\x1a\n"
HTML = "report.html"


def write_report(compilation: Compilation, out: Path, pictures: Sequence[Picture] = ()) -> None:
    """Write `report.json` and a self-contained `report.html` into the folder `out`, which is made.

    `pictures` appear in the HTML only, and so does what a stress test has left in `out`. Each file appears
    whole or not at all; one that was there stays until then. Raises `BadInput` where a picture is no PNG,
    `ToolFailure` where a file cannot be written (full disk, no permission).
    """
    for each in pictures:
        if not each.png.startswith(PNG):
            raise BadInput("the picture is not a PNG", where=f"case {each.case}")
    stress = None
    with contextlib.suppress(BadInput):  # of that name, but no stress test's: it is left alone
        stress = read_stress(out)
    page = render(compilation, pictures, stress)
    _replace(out / "report.json", compilation.to_json())
    _replace(out / HTML, page)


def write_stress(stress: Stress, compilation: Compilation, out: Path) -> None:
    """Write `stress.json` into `out` and draw it into its `report.html`, whose pictures stay.

    Raises `ToolFailure` where a file cannot be read or written.
    """
    try:
        pictures = pictures_in((out / HTML).read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        pictures = ()
    page = render(compilation, pictures, stress)
    _replace(out / STRESS_FILE, stress.to_json())
    _replace(out / HTML, page)


def _replace(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        remedy = "free space or choose another output folder; what was compiled is kept"
        raise disk_failure(error, path, remedy) from None
