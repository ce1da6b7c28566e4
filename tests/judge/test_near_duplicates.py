"""Near-duplicates: copies that were changed a little are found, distinct cases are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgemed.judge.fingerprint import sketch, thumbnail
from edgemed.judge.near_duplicates import NearDuplicates, near_pictures, near_signals
from edgemed.types import InputSpec, Sample

IMAGE = InputSpec("image", "uint8", (28, 28), "HW")
SIGNAL = InputSpec("signal", "float32", (2, 500), "CL")
TABLE = InputSpec("table", "float32", (3,))


def _random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _jpeg(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    files = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=30)
        files.append(np.array(Image.open(file)))
    return np.stack(files)


def _moved(pictures: NDArray[Any]) -> NDArray[Any]:
    return np.pad(pictures[:, :, :-1], ((0, 0), (0, 0), (1, 0)), mode="edge")


def _cropped(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    from PIL import Image

    size = pictures.shape[2], pictures.shape[1]
    return np.stack(
        [
            np.array(Image.fromarray(each[1:-1, 1:-1]).resize(size, Image.Resampling.BILINEAR))
            for each in pictures
        ]
    )


CHANGES: dict[str, Callable[[NDArray[np.uint8]], NDArray[Any]]] = {
    "brighter": lambda pictures: np.clip(pictures * 1.2 + 10, 0, 255).astype(np.uint8),
    "JPEG": _jpeg,
    "noise": lambda pictures: np.clip(pictures + _random().normal(0, 5, pictures.shape), 0, 255).astype(
        np.uint8
    ),
    "moved": _moved,
    "cropped": _cropped,
}


@pytest.fixture(scope="module")
def xrays(data_dir: Path) -> NDArray[np.uint8]:
    """The pictures of the demo's calibration and selection sets: all distinct."""
    with np.load(data_dir / "pneumoniamnist.npz") as stored:
        return np.concatenate((stored["train_images"][3100:3400], stored["val_images"]))


def _of_sets(cases: NDArray[Any], others: NDArray[Any], fingerprint: Callable[..., NDArray[Any]]) -> Any:
    prints = np.stack([fingerprint(each) for each in (*cases, *others)])
    return prints, np.repeat([0, 1], [len(cases), len(others)])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_of_an_xray_is_found_and_no_other(xrays: NDArray[np.uint8], change: str) -> None:
    copies = CHANGES[change](xrays[:200])
    found = near_pictures(*_of_sets(xrays, copies, lambda picture: thumbnail(picture, "HW")))
    right = {(case, len(xrays) + case) for case in range(200)}
    assert found <= right
    assert len(found) >= 190


def test_distinct_xrays_are_not_near(xrays: NDArray[np.uint8]) -> None:
    assert (
        near_pictures(*_of_sets(xrays[:300], xrays[300:], lambda picture: thumbnail(picture, "HW"))) == set()
    )


def test_a_volume_that_moved_by_a_voxel_is_found_and_no_other(data_dir: Path) -> None:
    with np.load(data_dir / "hippocampus3d.npz") as stored:
        volumes = stored["x"][:80]
    copies = np.pad(volumes[60:], ((0, 0), (0, 0), (0, 0), (0, 1)), mode="edge")[..., 1:]
    prints, sets = _of_sets(volumes, copies, lambda volume: thumbnail(volume, "DHW"))
    assert near_pictures(prints, sets) == {(60 + case, 80 + case) for case in range(20)}


def test_channels_of_a_picture_are_averaged_wherever_they_are() -> None:
    colours = _random().integers(0, 255, (3, 40, 50), np.uint8)
    grey = thumbnail(colours, "CHW")
    assert grey.shape == (20, 25)
    np.testing.assert_array_equal(grey, thumbnail(colours.transpose(1, 2, 0), "HWC"))
    np.testing.assert_array_equal(thumbnail(np.full((40, 50), 7, np.uint8), "HW"), 0)


def _decays(count: int, seed: int) -> NDArray[np.float32]:
    """(count, 2, 500) I and Q of decays that differ in phase, gain, rate and noise: all alike."""
    random = _random(seed)
    time = np.linspace(0, 1, 500)
    clean = sum(
        random.normal(1, 0.1, (count, 1)) * np.exp(-time / (tau * random.normal(1, 0.1, (count, 1))))
        for tau in (0.05, 0.2, 0.8)
    )
    turned = clean * np.exp(2j * np.pi * random.random((count, 1)))
    both = np.stack((turned.real, turned.imag), 1)
    return np.asarray(both + random.normal(0, 0.005, both.shape), np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_signals_that_differ_in_few_ways_are_not_near(seed: int) -> None:
    prints, sets = _of_sets(_decays(300, seed), _decays(300, seed + 100), sketch)
    assert np.corrcoef(prints).max(where=~np.eye(600, dtype=bool), initial=0) > 0.999
    assert near_signals(prints, sets) == set()


@pytest.mark.parametrize(
    "change",
    [lambda s: 3 * s, lambda s: s + 0.5, lambda s: np.rint(s * 30000)],
    ids=["gain", "offset", "16 bits"],
)
def test_a_changed_copy_of_a_signal_is_found_and_no_other(change: Callable[..., NDArray[Any]]) -> None:
    signals = _decays(300, 0)
    prints, sets = _of_sets(signals, np.concatenate((_decays(250, 1), change(signals[:50]))), sketch)
    assert near_signals(prints, sets) == {(case, 550 + case) for case in range(50)}


def test_noisy_copies_of_signals_that_differ_in_many_ways_are_found() -> None:
    signals = _random().standard_normal((300, 2, 500))
    noisy = signals[:100] + _random(1).normal(0, 0.05, (100, 2, 500))
    assert near_signals(*_of_sets(signals, noisy, sketch)) == {(case, 300 + case) for case in range(100)}


def test_a_sketch_keeps_distances() -> None:
    signals = _random().standard_normal((2, 40, 3000)).cumsum(axis=-1)
    signals -= signals.mean(axis=-1, keepdims=True)
    signals /= np.linalg.norm(signals, axis=-1, keepdims=True)
    sketches = np.stack([[sketch(each) for each in half] for half in signals])
    distances = ((signals[0] - signals[1]) ** 2).sum(axis=-1)
    ratios = ((sketches[0] - sketches[1]) ** 2).sum(axis=-1) / distances
    assert ratios.mean() == pytest.approx(1, abs=0.05)
    assert ratios.std() < 0.2


def test_too_few_signals_tell_nothing() -> None:
    signals = _random().standard_normal((3, 500))
    assert near_signals(*_of_sets(signals, signals, sketch)) == set()


def _pairs(inputs: list[InputSpec], **sets: list[dict[str, NDArray[Any]]]) -> Any:
    near = NearDuplicates(inputs)
    for role, cases in sets.items():
        for number, arrays in enumerate(cases):
            near.add(role, Sample(f"{role}{number}", arrays, {}))  # type: ignore[arg-type]
    return near.pairs()


def _cases(count: int, seed: int, **fixed: NDArray[Any]) -> list[dict[str, NDArray[Any]]]:
    random = _random(seed)
    return [
        {
            "image": random.integers(0, 255, (28, 28), np.uint8),
            "signal": random.standard_normal((2, 500)).astype(np.float32),
            "table": random.integers(0, 2, 3).astype(np.float32),
        }
        | fixed
        for _ in range(count)
    ]


def test_pairs_are_named_by_set() -> None:
    calibrate, select, accept = (_cases(20, seed) for seed in range(3))
    select[7]["image"] = calibrate[3]["image"] // 2
    accept[1]["image"], accept[2]["image"] = calibrate[3]["image"] // 3, select[0]["image"] // 2
    assert _pairs([IMAGE], calibrate=calibrate, select=select, accept=accept) == {
        ("calibrate", "select"): [("calibrate3", "select7")],
        ("calibrate", "accept"): [("calibrate3", "accept1")],
        ("select", "accept"): [("select0", "accept2"), ("select7", "accept1")],
    }


def test_a_pair_is_near_in_every_input_that_varies() -> None:
    mask = {"image": _random(9).integers(0, 255, (28, 28), np.uint8)}
    select, accept = _cases(20, 0), _cases(20, 1)
    accept[4]["signal"] = select[2]["signal"] * 2
    inputs = [IMAGE, SIGNAL, TABLE]
    assert _pairs(inputs, select=select, accept=accept) == {}
    accept[4]["image"] = select[2]["image"] // 2
    wanted = {("select", "accept"): [("select2", "accept4")]}
    assert _pairs(inputs, select=select, accept=accept) == wanted
    masked = [[case | mask for case in cases] for cases in (select, accept)]
    assert _pairs(inputs, select=masked[0], accept=masked[1]) == wanted


def test_rows_of_a_table_are_not_compared() -> None:
    assert _pairs([TABLE], select=_cases(50, 0), accept=_cases(50, 1)) == {}


def test_one_set_has_no_pairs() -> None:
    cases = _cases(20, 0)
    assert _pairs([IMAGE], select=[*cases, *cases]) == {}
