"""DICOM through pydicom: modality units, or display levels 0..255."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.readers.extra import import_extra
from edgemed.readers.fit import Note
from edgemed.readers.levels import stretch

_DAMAGE = (ValueError, TypeError, KeyError, IndexError, OverflowError, struct.error, MemoryError)


def decode_dicom(path: Path, note: Note, *, levels: bool) -> tuple[NDArray[Any], str]:
    """The pixels and their axes: `HW`, `HWC`, `DHW` or `DHWC` (frames in stored order are D).

    Gray pixels are in modality units (rescale slope and intercept, or the modality LUT; HU for CT): int32
    where slope and intercept are whole, else float32. With `levels` they are uint8 after the first VOI window
    or the VOI LUT; without one, 8-bit pixels as stored and others from the lowest to the highest value of the
    file. MONOCHROME1 is inverted. Colour is RGB uint8. Raises `BadInput` where the file cannot be read.
    """
    pydicom = import_extra("pydicom")
    import_extra("pydicom.pixels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's warnings quote values of the header
        try:
            dataset = pydicom.dcmread(path)
            return _decode(dataset, note, levels=levels)
        except (pydicom.errors.InvalidDicomError, OSError, EOFError) as error:
            raise BadInput("the file is not DICOM, or is cut short") from error
        except (RuntimeError, AttributeError) as error:
            raise BadInput(f"the DICOM pixels cannot be decoded: {error}") from error
        except (*_DAMAGE, pydicom.errors.BytesLengthException) as error:
            # the message is left out: it may quote the header, and the header names the patient
            raise BadInput("the DICOM pixels cannot be decoded: header or pixel data are damaged") from error


def _decode(dataset: Any, note: Note, *, levels: bool) -> tuple[NDArray[Any], str]:
    pixels = dataset.pixel_array
    photometric = dataset.PhotometricInterpretation
    frames = int(dataset.get("NumberOfFrames") or 1)
    if photometric == "PALETTE COLOR":
        pixels = import_extra("pydicom.pixels").apply_color_lut(pixels, dataset)
        bits = 8 * pixels.dtype.itemsize
        return _colour(pixels, bits, note), "DHWC" if frames > 1 else "HWC"
    if int(dataset.SamplesPerPixel) == 3:
        return _colour(pixels, int(dataset.BitsStored), note), "DHWC" if frames > 1 else "HWC"
    stack = pixels if frames > 1 else pixels[np.newaxis]
    if photometric == "MONOCHROME1":
        note("DICOM: MONOCHROME1 was inverted")
    values = _levels(dataset, stack, note) if levels else _values(dataset, stack, note)
    return (values, "DHW") if frames > 1 else (values[0], "HW")


def _colour(pixels: NDArray[Any], bits: int, note: Note) -> NDArray[Any]:
    if bits <= 8:
        return pixels.astype(np.uint8)
    note("DICOM: colour deeper than 8 bits was read as 8-bit")
    return (pixels >> (bits - 8)).astype(np.uint8)


def _values(dataset: Any, stack: NDArray[Any], note: Note) -> NDArray[Any]:
    """Modality units; MONOCHROME1 is mirrored in the range of the stored bits first."""
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        mirror = -1 if int(dataset.PixelRepresentation) else 2 ** int(dataset.BitsStored) - 1
        stack = mirror - stack.astype(np.int64)
    return _modality(dataset, stack, note)


def _modality(dataset: Any, stack: NDArray[Any], note: Note) -> NDArray[Any]:
    if "ModalityLUTSequence" in dataset:
        note("DICOM: the modality LUT was applied")
        return _look_up(stack, dataset, "ModalityLUTSequence")
    rescales = [_rescale(dataset, frame) for frame in range(len(stack))]
    if all(rescale == (1.0, 0.0) for rescale in rescales):
        return stack
    note("DICOM: pixels were brought to modality units (rescale slope and intercept)")
    slopes, intercepts = (np.array(column)[:, None, None] for column in zip(*rescales, strict=True))
    values: NDArray[Any] = stack * slopes + intercepts
    whole = all(float(number).is_integer() for rescale in rescales for number in rescale)
    return values.astype(np.int32) if whole and np.abs(values).max() < 2**31 else values.astype(np.float32)


def _look_up(stack: NDArray[Any], dataset: Any, sequence: str) -> NDArray[Any]:
    """The first LUT of the sequence, DICOM PS3.3 C.11.1.1.

    pydicom 3.0's own look-up wraps indices above 255 around where the entries have 8 bits.
    """
    item = dataset[sequence][0]
    entries, first = int(item.LUTDescriptor[0]) or 2**16, int(item.LUTDescriptor[1])
    data = item.LUTData
    if isinstance(data, bytes):
        order = "<" if dataset.original_encoding[1] else ">"
        data = np.frombuffer(data, np.uint8 if len(data) < 2 * entries else f"{order}u2")
    table = np.asarray(data, dtype=np.int32)[:entries]
    if len(table) < entries:
        raise ValueError("its LUT is shorter than it says")
    return np.asarray(table[np.clip(stack.astype(np.int64) - first, 0, entries - 1)])


def _rescale(dataset: Any, frame: int) -> tuple[float, float]:
    where = _macro(dataset, frame, "PixelValueTransformationSequence")
    slope, intercept = where.get("RescaleSlope"), where.get("RescaleIntercept")
    return (1.0 if slope is None else float(slope)), (0.0 if intercept is None else float(intercept))


def _macro(dataset: Any, frame: int, sequence: str) -> Any:
    """Where a frame's attributes are: its own functional group, the shared one, or the data set itself."""
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for groups in (*per_frame[frame : frame + 1], *shared[:1]):
        if groups.get(sequence):
            return groups[sequence][0]
    return dataset


def _levels(dataset: Any, stack: NDArray[Any], note: Note) -> NDArray[Any]:
    values = _modality(dataset, stack, note)
    windows = [_macro(dataset, frame, "FrameVOILUTSequence") for frame in range(len(stack))]
    if dataset.get("VOILUTSequence"):
        note("DICOM: the VOI LUT was applied and scaled to 0..255")
        highest = 2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1
        shown = _look_up(np.rint(values).astype(np.int64), dataset, "VOILUTSequence")
        result: NDArray[np.uint8] = np.rint(np.minimum(shown / highest, 1.0) * 255.0).astype(np.uint8)
    elif all(_window(where) for where in windows):
        note("DICOM: the file's first VOI window was applied and scaled to 0..255")
        result = np.stack([_windowed(frame, where) for frame, where in zip(values, windows, strict=True)])
    elif int(dataset.BitsStored) == 8 and not int(dataset.PixelRepresentation) and values is stack:
        result = stack.astype(np.uint8)
    else:
        note("DICOM without a window: each file's lowest to highest value was made 0..255")
        padding = dataset.get("PixelPaddingValue")
        result = stretch(values, stack != padding if isinstance(padding, int) else None)
    return np.asarray(255 - result) if dataset.PhotometricInterpretation == "MONOCHROME1" else result


def _window(where: Any) -> tuple[float, float] | None:
    """Centre and width of the first window."""
    pair = []
    for keyword in ("WindowCenter", "WindowWidth"):
        value = where.get(keyword)
        if value is None or value == "":
            return None
        pair.append(float(value[0] if hasattr(value, "__getitem__") else value))
    return (pair[0], pair[1]) if pair[1] > 0 else None


def _windowed(values: NDArray[Any], where: Any) -> NDArray[Any]:
    """Window to 0..255 as in DICOM PS3.3 C.11.2.1.2 (LINEAR), C.11.2.1.3 (SIGMOID, LINEAR_EXACT)."""
    window = _window(where)
    assert window is not None
    centre, width = window
    function = where.get("VOILUTFunction") or "LINEAR"
    values = values.astype(np.float64)
    if function == "SIGMOID":
        share = 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -700, 700)))
    elif function == "LINEAR_EXACT":
        share = (values - centre) / width + 0.5
    elif width <= 1.0:
        share = (values > centre - 0.5).astype(np.float64)
    else:
        share = (values - (centre - 0.5)) / (width - 1.0) + 0.5
    return np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
