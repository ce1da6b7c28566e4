"""PNG, JPEG and TIFF through Pillow."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.extra import import_extra
from edgemed.readers.notes import Notes


def decode_picture(path: Path, notes: Notes, *, levels: bool) -> tuple[NDArray[Any], str]:
    """The picture upright (EXIF orientation applied) and its axes: `HW`, `HWC`, `DHW` or `DHWC`.

    uint8 for 8-bit pictures (1-bit ones become 0 and 255, palettes become colour), uint16, int32 or float32
    for deeper gray ones; with `levels`, 16-bit gray is scaled from 0..65535 to uint8 0..255. Pages of a TIFF
    become the axis D. Alpha is laid over black. Raises `BadInput` where the file cannot be read to its end.
    """
    image = import_extra("PIL.Image")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata; what cannot be decoded raises
            frames = _pages(path, notes, levels=levels)
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        struct.error,
        TypeError,
        KeyError,
        OverflowError,
    ) as error:
        raise BadInput(f"the picture cannot be read: {_reason(error, path)}") from error
    except image.DecompressionBombError as error:
        raise BadInput(f"the picture is too large: {error}") from error
    if len({frame.shape for frame in frames}) > 1:
        raise BadInput(f"its {len(frames)} pages differ in size or colour")
    axes = "HW" if frames[0].ndim == 2 else "HWC"
    return (frames[0], axes) if len(frames) == 1 else (np.stack(frames), f"D{axes}")


def _pages(path: Path, notes: Notes, *, levels: bool) -> list[NDArray[Any]]:
    frames = []
    with import_extra("PIL.Image").open(path) as file:
        for page in range(getattr(file, "n_frames", 1)):
            if page:
                file.seek(page)
            frames.append(_page(file, notes, levels=levels))
    return frames


def _page(file: Any, notes: Notes, *, levels: bool) -> NDArray[Any]:
    ops = import_extra("PIL.ImageOps")
    deep_colour = _is_deep_colour(file)
    upright = ops.exif_transpose(file)
    if file.getexif().get(0x0112, 1) != 1:
        notes("pictures were turned upright (EXIF orientation)")
    upright.load()
    if deep_colour:
        if not levels:
            raise BadInput(
                "16-bit colour pictures cannot be read at full depth",
                remedy='set the input\'s dtype to "uint8", or store the channels in an .npz',
            )
        notes("16-bit colour pictures were read as 8-bit")
    mode = upright.mode
    if mode.startswith("I;16"):
        return _sixteen_bit(np.asarray(upright).astype(np.uint16), notes, levels=levels)
    if mode == "I":
        return np.asarray(upright)
    if mode == "F":
        return np.asarray(upright)
    if mode == "1":
        return np.asarray(upright.convert("L"))
    if mode in ("L", "RGB"):
        return np.asarray(upright)
    return np.asarray(_opaque(upright, notes))


def _opaque(picture: Any, notes: Notes) -> Any:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    gray = picture.mode in ("LA", "La")
    layered = picture.convert("RGBA")
    if layered.getextrema()[3][0] < 255:
        notes("transparent pictures were laid over black")
        image = import_extra("PIL.Image")
        layered = image.alpha_composite(image.new("RGBA", layered.size, (0, 0, 0, 255)), layered)
    flat = layered.convert("RGB")
    return flat.getchannel(0) if gray else flat


def _sixteen_bit(array: NDArray[Any], notes: Notes, *, levels: bool) -> NDArray[Any]:
    if not levels:
        return array
    notes.sixteen_bit(int(array.max(initial=0)))
    return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _is_deep_colour(file: Any) -> bool:
    """Pillow keeps 8 of 16 bits of a colour picture; its raw mode tells that the file had more."""
    tiles = getattr(file, "tile", [])
    if not tiles or file.mode not in ("RGB", "RGBA", "LA"):
        return False
    args = tiles[0][3]
    raw = args[0] if isinstance(args, tuple) and args else args
    return isinstance(raw, str) and ";16" in raw


def _reason(error: BaseException, path: Path) -> str:
    return str(error).replace(str(path), path.name) or type(error).__name__
