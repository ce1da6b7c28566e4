"""Pictures: modes, depth, orientation, size and torn files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.readers import Notes, open_set, read_file
from edgemed.readers.resize import resize
from edgemed.types import InputSpec, Resized

Image = pytest.importorskip("PIL.Image")
NOISE = np.random.default_rng(1)
GRAY = InputSpec("image", "uint8", (30, 40), "HW")
COLOUR = InputSpec("image", "uint8", (30, 40, 3), "HWC")


def read(path: Path, spec: InputSpec) -> Any:
    return read_file(path, [spec])[spec.name]


def noise(*shape: int, dtype: Any = np.uint8) -> Any:
    return NOISE.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_gray_and_colour(tmp_path: Path) -> None:
    colour = noise(30, 40, 3)
    path = tmp_path / "a.png"
    Image.fromarray(colour).save(path)
    np.testing.assert_array_equal(read(path, COLOUR), colour)
    np.testing.assert_array_equal(
        read(path, InputSpec("image", "float32", (3, 30, 40), "CHW")),
        colour.transpose(2, 0, 1).astype(np.float32),
    )
    np.testing.assert_array_equal(read(path, GRAY), np.asarray(Image.fromarray(colour).convert("L")))
    np.testing.assert_array_equal(
        read(path, InputSpec("image", "uint8", (1, 30, 40), "CHW"))[0], read(path, GRAY)
    )


def test_resizing_is_pillows(tmp_path: Path) -> None:
    colour = noise(97, 61, 3)
    Image.fromarray(colour).save(tmp_path / "a.tif")
    wanted = np.asarray(Image.fromarray(colour).resize((40, 30), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(read(tmp_path / "a.tif", COLOUR), wanted)


def test_volumes_are_resized_along_each_axis_alike() -> None:
    volume = noise(9, 20, 14).astype(np.float32)
    size = (5, 7, 30)
    wanted = resize(volume, size)
    assert wanted.shape == size
    turned = resize(volume.transpose(2, 0, 1), (30, 5, 7)).transpose(1, 2, 0)
    np.testing.assert_allclose(turned, wanted, atol=1e-3)
    np.testing.assert_array_equal(resize(np.full((4, 5, 6), 200, np.uint16), size), 200)


def test_palette_alpha_and_one_bit(tmp_path: Path) -> None:
    gray = noise(30, 40)
    Image.fromarray(gray).convert("P").save(tmp_path / "p.png")
    np.testing.assert_array_equal(read(tmp_path / "p.png", GRAY), gray)
    Image.fromarray(gray).convert("LA").save(tmp_path / "la.png")
    np.testing.assert_array_equal(read(tmp_path / "la.png", GRAY), gray)
    layered = np.dstack([noise(30, 40, 3), np.zeros((30, 40), np.uint8)])
    layered[:15, :, 3] = 255
    Image.fromarray(layered).save(tmp_path / "rgba.png")
    found = read(tmp_path / "rgba.png", COLOUR)
    np.testing.assert_array_equal(found[:15], layered[:15, :, :3])
    assert not found[15:].any()
    Image.fromarray(gray > 127).save(tmp_path / "1.png")
    np.testing.assert_array_equal(read(tmp_path / "1.png", GRAY), np.where(gray > 127, 255, 0))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_gray(tmp_path: Path, suffix: str) -> None:
    deep = noise(30, 40, dtype=np.uint16)
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(deep).save(path)
    np.testing.assert_array_equal(read(path, InputSpec("image", "uint16", (30, 40), "HW")), deep)
    np.testing.assert_array_equal(read(path, InputSpec("image", "float32", (30, 40), "HW")), deep)
    np.testing.assert_array_equal(read(path, GRAY), np.rint(deep / 257).astype(np.uint8))


@pytest.mark.parametrize(
    ("largest", "told"), [(4095, "1/4095"), (9000, "1/16383"), (16383, "1/16383"), (16384, ""), (65535, "")]
)
def test_a_detectors_bits_in_sixteen_are_told_once_for_a_set(tmp_path: Path, largest: int, told: str) -> None:
    for name, value in (("a", 300), ("b", largest), ("c", 0)):
        Image.fromarray(np.full((30, 40), value, np.uint16)).save(tmp_path / f"{name}.png")
    data = open_set(".", [GRAY], [], base=tmp_path)
    assert len(list(data)) == 3
    assert len(data.doubts) == bool(told)
    for doubt in data.doubts:
        assert f"only {largest} of 65535" in doubt
        assert f'by = "{told}"' in doubt
        assert 'dtype to "uint16"' in doubt
    assert set(data.doubts) <= set(data.notes)
    deep = open_set(".", [InputSpec("image", "uint16", (30, 40), "HW")], [], base=tmp_path)
    assert len(list(deep)) == 3
    assert deep.doubts == ()


def test_sixteen_bit_colour_is_not_shrunk_in_silence(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    deep = noise(30, 40, 3, dtype=np.uint16)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in deep)
    header = struct.pack(">IIBBBBB", 40, 30, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    (tmp_path / "deep.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    np.testing.assert_array_equal(read(tmp_path / "deep.png", COLOUR), deep >> 8)
    with pytest.raises(BadInput, match="16-bit colour"):
        read(tmp_path / "deep.png", InputSpec("image", "float32", (30, 40, 3), "HWC"))


def test_exif_orientation(tmp_path: Path) -> None:
    gray = noise(40, 30)
    picture = Image.fromarray(gray)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "a.png", GRAY), np.rot90(gray, -1))


def test_pages(tmp_path: Path) -> None:
    pages = noise(5, 30, 40)
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(tmp_path / "a.tiff", save_all=True, append_images=rest)
    np.testing.assert_array_equal(
        read(tmp_path / "a.tiff", InputSpec("image", "uint8", (1, 5, 30, 40), "CDHW"))[0], pages
    )
    with pytest.raises(BadInput, match="5 frames"):
        read(tmp_path / "a.tiff", GRAY)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_torn_files(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise(30, 40)).save(path)
    whole = path.read_bytes()
    for kept in (len(whole) * 2 // 3, 60, 3, 0):
        path.write_bytes(whole[:kept])
        with pytest.raises(BadInput, match="cannot be read") as caught:
            read(path, GRAY)
        assert caught.value.where == str(path)


def test_a_picture_for_a_table(tmp_path: Path) -> None:
    Image.fromarray(noise(30, 40)).save(tmp_path / "a.png")
    with pytest.raises(BadInput, match="layout"):
        read(tmp_path / "a.png", InputSpec("table", "float32", (30,)))
    with pytest.raises(BadInput, match="has 2"):
        read_file(tmp_path / "a.png", [GRAY, InputSpec("table", "float32", (3,))])
    with pytest.raises(BadInput, match="no such file"):
        read(tmp_path / "b.png", GRAY)


def test_arrays_as_files(tmp_path: Path) -> None:
    spec = InputSpec("signal", "float32", (2, 50), "CL")
    array = noise(2, 50).astype(np.float64)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", whatever=array[None])
    np.testing.assert_array_equal(read(tmp_path / "a.npy", spec), array)
    np.testing.assert_array_equal(read(tmp_path / "a.npz", spec), array)
    np.savez(tmp_path / "many.npz", x=np.zeros((4, 2, 50)))
    with pytest.raises(BadInput, match="4 samples"):
        read(tmp_path / "many.npz", spec)
    np.save(tmp_path / "pickled.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(BadInput, match="cannot be read"):
        read(tmp_path / "pickled.npy", spec)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (InputSpec("image", "uint8", (1, 30, 40), "CHW"), (3, 30, 40)),
        (InputSpec("image", "uint8", (1, 30, 40), "CHW"), (3, 60, 80)),
        (InputSpec("image", "uint8", (30, 40), "HW"), (3, 30, 40)),
        (InputSpec("volume", "uint8", (1, 30, 40), "DHW"), (5, 30, 40)),
        (InputSpec("age", "uint8", (1,)), (3,)),
    ],
)
def test_several_samples_are_not_blended_into_one(
    tmp_path: Path, spec: InputSpec, shape: tuple[int, ...]
) -> None:
    np.savez(tmp_path / "a.npz", x=noise(*shape))
    np.save(tmp_path / "a.npy", noise(*shape))
    for name in ("a.npz", "a.npy"):
        with pytest.raises(BadInput, match=f"may be {shape[0]} samples") as caught:
            read(tmp_path / name, spec)
        assert f"[1, {', '.join(map(str, shape))}]" in caught.value.remedy


def test_a_leading_one_says_that_three_channels_are_colour(tmp_path: Path) -> None:
    colour = noise(1, 3, 30, 40)
    np.save(tmp_path / "a.npy", colour)
    found = read(tmp_path / "a.npy", InputSpec("image", "uint8", (1, 30, 40), "CHW"))
    gray = Image.fromarray(np.ascontiguousarray(colour[0].transpose(1, 2, 0))).convert("L")
    np.testing.assert_array_equal(found[0], np.asarray(gray))


def test_what_was_done_to_one_file_is_told(tmp_path: Path) -> None:
    Image.fromarray(np.full((16, 20), 4000, np.uint16)).save(tmp_path / "a.png")
    notes = Notes()
    read_file(tmp_path / "a.png", [GRAY], notes)
    height, width = GRAY.shape
    assert notes.resizings == (Resized(GRAY.name, 1, "16x20", f"{height}x{width}"),)
    assert any("16-bit" in note for note in notes.sentences)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a folder"):
        read_file(tmp_path, [GRAY])
