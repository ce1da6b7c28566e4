"""DICOM (pydicom's own test files) and NIfTI (files made by nibabel)."""

import gzip
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgemed.errors import BadInput
from edgemed.readers import describe, open_set, read_file
from edgemed.types import InputSpec

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")
FILES = Path(pydicom.__file__).parent / "data" / "test_files"


def read(path: Path, dtype: Any, shape: tuple[int, ...], layout: Any) -> Any:
    return read_file(path, [InputSpec("image", dtype, shape, layout)])["image"]


def changed(folder: Path, name: str, **attributes: Any) -> Path:
    dataset = pydicom.dcmread(FILES / name)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    path = folder / "changed.dcm"
    dataset.save_as(path)
    return path


@pytest.mark.parametrize("dtype", ["float32", "int16", "int32"])
def test_ct_is_in_hounsfield_units(dtype: str) -> None:
    path = FILES / "CT_small.dcm"
    stored = pydicom.dcmread(path).pixel_array
    np.testing.assert_array_equal(read(path, dtype, (128, 128), "HW"), stored.astype(np.int32) - 1024)


def test_without_a_window_the_lowest_is_0_and_the_highest_255() -> None:
    stored = pydicom.dcmread(FILES / "CT_small.dcm").pixel_array.astype(np.float64)
    wanted = np.rint((stored - stored.min()) / np.ptp(stored) * 255)
    np.testing.assert_array_equal(read(FILES / "CT_small.dcm", "uint8", (128, 128), "HW"), wanted)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_are_pydicoms(tmp_path: Path, function: str) -> None:
    path = changed(tmp_path, "MR_small.dcm", VOILUTFunction=function)
    dataset = pydicom.dcmread(path)
    voi = pydicom.pixels.apply_windowing(dataset.pixel_array, dataset)
    wanted = (voi - -32768.0) / 65535.0 * 255.0
    found = read(path, "uint8", (64, 64), "HW")
    assert np.abs(found - wanted).max() <= 0.501


def test_monochrome1_is_inverted(tmp_path: Path) -> None:
    path = changed(tmp_path, "MR_small.dcm", PhotometricInterpretation="MONOCHROME1")
    plain = FILES / "MR_small.dcm"
    np.testing.assert_array_equal(
        read(path, "uint8", (64, 64), "HW"), 255 - read(plain, "uint8", (64, 64), "HW")
    )
    np.testing.assert_array_equal(
        read(path, "int32", (64, 64), "HW"), -1 - read(plain, "int32", (64, 64), "HW")
    )


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_transfer_syntaxes(name: str) -> None:
    plain = read(FILES / "MR_small.dcm", "float32", (64, 64), "HW")
    np.testing.assert_array_equal(read(FILES / name, "float32", (64, 64), "HW"), plain)


def test_frames_are_a_volume() -> None:
    found = read(FILES / "rtdose.dcm", "float32", (1, 15, 10, 10), "CDHW")
    np.testing.assert_array_equal(
        found[0], pydicom.dcmread(FILES / "rtdose.dcm").pixel_array.astype(np.float32)
    )
    with pytest.raises(BadInput, match="15 frames"):
        read(FILES / "rtdose.dcm", "float32", (10, 10), "HW")
    with pytest.raises(BadInput, match="one picture"):
        read(FILES / "CT_small.dcm", "float32", (4, 128, 128), "DHW")


def test_frames_with_functional_groups(tmp_path: Path) -> None:
    def group(slope: float, intercept: float) -> pydicom.Dataset:
        values, groups = pydicom.Dataset(), pydicom.Dataset()
        values.RescaleSlope, values.RescaleIntercept = slope, intercept
        groups.PixelValueTransformationSequence = [values]
        return groups

    shared = pydicom.Dataset()
    window = pydicom.Dataset()
    window.WindowCenter, window.WindowWidth = 128, 256
    shared.FrameVOILUTSequence = [window]
    path = changed(
        tmp_path,
        "SC_rgb_rle_2frame.dcm",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[group(1, 0), group(0.5, 10)],
    )
    dataset = pydicom.dcmread(path)
    dataset.decompress()
    frames = np.stack([np.full((100, 100), 20, np.uint8), np.full((100, 100), 40, np.uint8)])
    dataset.PixelData = frames.tobytes()
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    del dataset.PlanarConfiguration
    dataset.save_as(path)
    values = read(path, "float32", (2, 100, 100), "DHW")
    assert (values[0, 0, 0], values[1, 0, 0]) == (20, 30)
    levels = read(path, "uint8", (2, 100, 100), "DHW")
    assert (levels[0, 0, 0], levels[1, 0, 0]) == (20, 30)


@pytest.mark.parametrize(
    "name",
    [
        "examples_rgb_color.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "examples_palette.dcm",
        "SC_rgb_rle_16bit.dcm",
    ],
)
def test_colour(name: str) -> None:
    dataset = pydicom.dcmread(FILES / name)
    found = read(FILES / name, "uint8", (dataset.Rows, dataset.Columns, 3), "HWC")
    pixels = dataset.pixel_array
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        pixels = pydicom.pixels.apply_color_lut(pixels, dataset)
    if pixels.dtype == np.uint16:
        pixels = pixels >> 8
    np.testing.assert_array_equal(found, pixels)


def test_unreadable_dicom(tmp_path: Path) -> None:
    whole = (FILES / "CT_small.dcm").read_bytes()
    for name, body in (
        ("cut.dcm", whole[:20000]),
        ("head.dcm", whole[:50]),
        ("empty.dcm", b""),
        ("text.dcm", b"a" * 999),
    ):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(BadInput):
            read(tmp_path / name, "float32", (128, 128), "HW")
    with pytest.raises(BadInput, match="decoded"):
        read(FILES / "MR_truncated.dcm", "float32", (64, 64), "HW")
    with pytest.raises(BadInput, match="decoded"):
        read(FILES / "nested_priv_SQ.dcm", "float32", (64, 64), "HW")


@pytest.mark.slow
def test_every_file_pydicom_ships_is_read_or_refused(tmp_path: Path) -> None:
    read_files = 0
    for path in sorted(FILES.glob("*.dcm")):
        for dtype, shape, layout in (("uint8", (16, 16), "HW"), ("float32", (8, 16, 16, 3), "DHWC")):
            try:
                found = read(path, dtype, shape, layout)
            except BadInput:
                continue
            read_files += 1
            assert (found.dtype, found.shape) == (np.dtype(dtype), shape)
    assert read_files > 40


def test_dicom_without_an_extension(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("IM0001", "1.2.840.99"):
        (tmp_path / "set" / name).write_bytes((FILES / "MR_small.dcm").read_bytes())
    spec = InputSpec("image", "uint8", (32, 32), "HW")
    data = open_set("set", [spec], [], base=tmp_path)
    assert [sample.name for sample in data] == ["1.2.840.99", "IM0001"]
    assert any("window" in note for note in data.notes)
    assert any("32x32" in note for note in data.notes)


def nifti(path: Path, array: Any, affine: Any = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


@pytest.mark.parametrize("name", ["v.nii", "v.nii.gz"])
def test_nifti_is_turned_to_ras(tmp_path: Path, name: str) -> None:
    volume = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    turned = np.flip(volume, 0).transpose(2, 0, 1)
    affine = np.array([[0, -1, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    path = nifti(tmp_path / name, turned, affine)
    np.testing.assert_array_equal(read(path, "int16", (2, 3, 4), "DHW"), volume)
    np.testing.assert_array_equal(read(path, "float32", (1, 2, 3, 4), "CDHW")[0], volume)


def test_nifti_scaling_and_levels(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.linspace(-1.5, 3.0, 60).reshape(3, 4, 5), np.eye(4))
    image.set_data_dtype(np.int16)
    nibabel.save(image, tmp_path / "v.nii.gz")
    wanted = nibabel.load(tmp_path / "v.nii.gz").get_fdata()
    np.testing.assert_allclose(read(tmp_path / "v.nii.gz", "float32", (3, 4, 5), "DHW"), wanted, rtol=1e-6)
    levels = read(tmp_path / "v.nii.gz", "uint8", (3, 4, 5), "DHW")
    assert (levels.min(), levels.max()) == (0, 255)
    with pytest.raises(BadInput, match="without loss"):
        read(tmp_path / "v.nii.gz", "int16", (3, 4, 5), "DHW")


def test_nifti_channels_slices_and_sizes(tmp_path: Path) -> None:
    four = np.random.default_rng(0).integers(0, 99, (4, 5, 6, 2), np.uint8)
    path = nifti(tmp_path / "four.nii", four)
    np.testing.assert_array_equal(read(path, "uint8", (2, 4, 5, 6), "CDHW"), four.transpose(3, 0, 1, 2))
    with pytest.raises(BadInput, match="2 channels"):
        read(path, "uint8", (4, 5, 6), "DHW")
    assert read(path, "float32", (2, 8, 8, 8), "CDHW").shape == (2, 8, 8, 8)
    flat = nifti(tmp_path / "flat.nii", four[:, :, :1, 0])
    np.testing.assert_array_equal(read(flat, "uint8", (4, 5), "HW"), four[:, :, 0, 0])


def test_bad_nifti(tmp_path: Path) -> None:
    volume = np.ones((8, 8, 8), np.float32)
    whole = nifti(tmp_path / "v.nii", volume).read_bytes()
    for name, body in (
        ("cut.nii", whole[:900]),
        ("head.nii", whole[:90]),
        ("cut.nii.gz", gzip.compress(whole)[:60]),
        ("text.nii.gz", b"text"),
    ):
        (tmp_path / name).write_bytes(body)
        with pytest.raises(BadInput, match="cannot be read"):
            read(tmp_path / name, "float32", (8, 8, 8), "DHW")
    volume[1, 2, 3] = np.nan
    path = nifti(tmp_path / "nan.nii", volume)
    for dtype in ("float32", "uint8"):
        with pytest.raises(BadInput, match="NaN"):
            read(path, dtype, (8, 8, 8), "DHW")


def test_describe_volumes(tmp_path: Path) -> None:
    nifti(tmp_path / "v.nii.gz", np.zeros((6, 7, 8), np.float64))
    found = describe(".", base=tmp_path)
    assert (found.arrays[0].shape, found.arrays[0].layout, found.arrays[0].input_dtype) == (
        (6, 7, 8),
        "DHW",
        "float32",
    )
    assert not found.classes


def test_voi_lut(tmp_path: Path) -> None:
    table = np.random.default_rng(0).integers(0, 256, 1500)
    for bits, vr in ((8, "US"), (12, "OW")):
        entries = table << (bits - 8)
        lut = pydicom.Dataset()
        lut.add_new("LUTDescriptor", "SS", [1500, -800, bits])
        lut.add_new("LUTData", vr, entries.tolist() if vr == "US" else entries.astype("<u2").tobytes())
        path = changed(tmp_path, "CT_small.dcm", VOILUTSequence=[lut])
        units = pydicom.dcmread(path).pixel_array.astype(int) - 1024
        wanted = np.rint(entries[np.clip(units + 800, 0, 1499)] * 255 / (2**bits - 1))
        np.testing.assert_array_equal(read(path, "uint8", (128, 128), "HW"), wanted)


def test_modality_lut(tmp_path: Path) -> None:
    lut = pydicom.Dataset()
    lut.add_new("LUTDescriptor", "SS", [4000, 0, 16])
    lut.add_new("LUTData", "US", list(range(0, 8000, 2)))
    path = changed(tmp_path, "MR_small.dcm", ModalityLUTSequence=[lut])
    stored = pydicom.dcmread(path).pixel_array.astype(np.int32)
    np.testing.assert_array_equal(read(path, "float32", (64, 64), "HW"), 2 * stored)


def test_padding_does_not_count_as_the_lowest_value(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(FILES / "CT_small.dcm")
    pixels = dataset.pixel_array.copy()
    pixels[:4] = -2000
    dataset.PixelData = pixels.tobytes()
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    dataset.save_as(tmp_path / "padded.dcm")
    plain = read(FILES / "CT_small.dcm", "uint8", (128, 128), "HW")
    found = read(tmp_path / "padded.dcm", "uint8", (128, 128), "HW")
    assert not found[:4].any()
    low, high = pixels[4:].min(), pixels[4:].max()
    assert found[4:].max() == 255
    assert found[4:].min() == 0
    assert (low, high) != (pixels.min(), pixels.max())
    assert np.corrcoef(found[4:].ravel(), plain[4:].ravel())[0, 1] > 0.999


@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(["a.dcm", "a.nii", "a.nii.gz", "a.png", "a.jpg", "a.tif", "a.npy", "a.npz"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_damaged_files_are_read_or_bad_input(
    whole_files: dict[str, bytes], name: str, damage: list[tuple[float, int]]
) -> None:
    body = bytearray(whole_files[name])
    for place, value in damage:
        body[int(place**3 * len(body))] = value
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(body)
        try:
            found = read(Path(folder) / name, "float32", (1, 8, 8), "DHW")
        except BadInput:
            return
    assert found.shape == (1, 8, 8)
    assert np.isfinite(found).all()


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("whole")
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    for name in ("a.png", "a.jpg", "a.tif"):
        image.fromarray(pixels).save(folder / name)
    nifti(folder / "a.nii", pixels.reshape(1, 8, 8))
    nifti(folder / "a.nii.gz", pixels.reshape(1, 8, 8))
    np.save(folder / "a.npy", pixels)
    np.savez_compressed(folder / "a.npz", x=pixels)
    (folder / "a.dcm").write_bytes((FILES / "MR_small_RLE.dcm").read_bytes())
    return {path.name: path.read_bytes() for path in folder.iterdir()}
