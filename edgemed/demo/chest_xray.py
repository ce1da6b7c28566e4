"""The demo with real pictures: a compact residual CNN on PneumoniaMNIST, 28x28 chest X-rays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgemed.demo.prepared import Prepared, recipe_text, write_model
from edgemed.demo.training import Labelled, Progress, Schedule, area, predict, train
from edgemed.errors import BadInput
from edgemed.readers.npy_entry import NpyEntry, names_in

if TYPE_CHECKING:
    from torch import Generator, Tensor

DATA_FILE = "pneumoniamnist.npz"
CALIBRATION_ROWS = (3100, 3400)
SCHEDULE = Schedule(epochs=6, rate=2e-3, weight_decay=0.05)


def prepare(
    out: Path, *, data: Path, seed: int, progress: Progress, schedule: Schedule = SCHEDULE
) -> Prepared:
    """Train on `data` (pneumoniamnist.npz of MedMNIST v2) and write recipe.toml, model.py, model.safetensors.

    The recipe names `data` by its absolute path. Sets: calibration is `CALIBRATION_ROWS` of train, selection
    is val, acceptance is test; training rows that are in one of these are left out. Raises `BadInput` where
    the file is not readable, has other arrays, or where two sets share a picture.
    """
    import torch

    from edgemed.demo.models import xray_net

    images, labels = _read(data)
    calibration = range(*CALIBRATION_ROWS)
    kept = _kept(images, calibration, data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = xray_net.build()
        fit = Labelled(_tensors(images["train"][kept]), labels["train"][kept])
        select = Labelled(_tensors(images["val"]), labels["val"])
        train(model, fit, select, schedule, seed, progress, _augment)
    auc = area(labels["test"], predict(model, _tensors(images["test"])))

    out.mkdir(parents=True, exist_ok=True)
    write_model(out, xray_net, model)
    recipe = out / "recipe.toml"
    path = json.dumps(str(data.resolve()), ensure_ascii=False)[1:-1]
    recipe.write_text(recipe_text("chest-xray").replace(f'"{DATA_FILE}::', f'"{path}::'), encoding="utf-8")
    left_out = len(images["train"]) - len(calibration) - len(kept)
    case = out / "case.npy"
    np.save(case, images["test"][0])
    return Prepared(
        recipe,
        (
            f"Real X-rays of children (PneumoniaMNIST, CC BY 4.0): {len(kept)} to train, "
            f"{len(calibration)} to calibrate, {len(labels['val'])} to select, {len(labels['test'])} to test"
            f"; {left_out} duplicates left out.",
            f"Test AUC {auc:.3f} before compiling.",
        ),
        case,
    )


def _read(data: Path) -> tuple[dict[str, NDArray[np.uint8]], dict[str, NDArray[np.uint8]]]:
    try:
        names = names_in(data)
        images = {name: _entry(data, f"{name}_images", names) for name in ("train", "val", "test")}
        labels = {name: _entry(data, f"{name}_labels", names) for name in images}
        for name, entry in images.items():
            if entry.dtype != np.uint8 or entry.shape != (len(labels[name]), 28, 28):
                raise BadInput(
                    f"{name}_images is {entry.dtype} {list(entry.shape)}, not uint8 [n, 28, 28] with n labels"
                )
        if len(images["train"]) < CALIBRATION_ROWS[1]:
            raise BadInput(f"{len(images['train'])} training images, expected 4708")
        pictures = {name: entry.whole() for name, entry in images.items()}
        classes = {name: entry.whole().reshape(-1) for name, entry in labels.items()}
        for name, found in classes.items():
            if len(found) != len(pictures[name]) or not np.isin(found, (0, 1)).all():
                raise BadInput(f"{name}_labels is not one 0 or 1 per picture")
    except BadInput as error:
        raise BadInput(
            f"not a readable {DATA_FILE}: {error.problem}",
            where=str(data),
            remedy=f"give the path of {DATA_FILE} (28x28) of MedMNIST v2",
        ) from None
    return pictures, classes


def _entry(data: Path, name: str, names: list[str]) -> NpyEntry:
    if name not in names:
        raise BadInput(f"it holds no array {name}")
    return NpyEntry(data, name)


def _kept(images: dict[str, NDArray[np.uint8]], calibration: range, data: Path) -> list[int]:
    """Rows of train whose picture is in no other set."""
    pictures = [image.tobytes() for image in images["train"]]
    held_out = {image.tobytes() for name in ("val", "test") for image in images[name]}
    calibrated = {pictures[row] for row in calibration}
    if calibrated & held_out:
        raise BadInput(
            f"rows {calibration.start} to {calibration.stop - 1} of train hold pictures of val or test",
            where=str(data),
            remedy=f"use the official {DATA_FILE}",
        )
    return [row for row, picture in enumerate(pictures) if picture not in held_out | calibrated]


def _tensors(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    from edgemed.demo.models.xray_net import preprocess

    return np.stack([preprocess(image) for image in images])


def _augment(images: Tensor, generator: Generator) -> Tensor:
    """Shift a batch by up to 2 pixels, change each picture's contrast and brightness: hospitals differ."""
    import torch
    from torch.nn.functional import pad

    right, down = torch.randint(0, 5, (2,), generator=generator).tolist()
    height, width = images.shape[2:]
    shifted = pad(images, (2, 2, 2, 2), mode="replicate")[:, :, down : down + height, right : right + width]
    contrast, brightness = 0.3 * torch.randn(2, len(images), 1, 1, 1, generator=generator)
    changed: Tensor = shifted * (1.0 + contrast) + brightness
    return changed
