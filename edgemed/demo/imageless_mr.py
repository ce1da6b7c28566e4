"""The demo without an image: a 1D-CNN finds MS lesions in SIMULATED raw MR signals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.demo.head import load_head
from edgemed.demo.prepared import Prepared, recipe_text, write_model
from edgemed.demo.ridge import fit_ridge
from edgemed.demo.simulated_mr import Setting, SimulatedSignals, simulate
from edgemed.demo.training import Labelled, Progress, Schedule, area, predict, train

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.demo.models.signal_cnn import SignalCnn

HEADS = {"train": 4000, "calibrate": 300, "select": 400, "accept": 800}
SCHEDULE = Schedule(epochs=30, rate=1e-3, weight_decay=0.1)


def prepare(
    out: Path,
    *,
    seed: int,
    progress: Progress,
    setting: Setting | None = None,
    heads: dict[str, int] = HEADS,
    schedule: Schedule = SCHEDULE,
) -> Prepared:
    """Simulate, train, and write recipe.toml, model.py, model.safetensors and simulated.npz to `out`.

    `heads` is the number of simulated heads of each set. `progress` gets what is being done and how far that
    is, 0 to 1. Needs torch, nilearn and nibabel: raises `Unavailable` where the tissue maps are missing.
    """
    import torch

    from edgemed.demo.models import signal_cnn

    setting = setting or Setting()
    progress("simulating raw MR signals", 0.0)
    head = load_head()
    seeds = np.random.SeedSequence(seed).generate_state(len(heads))
    sets: dict[str, SimulatedSignals] = {}
    for (name, count), own in zip(heads.items(), seeds, strict=True):
        sets[name] = simulate(head, count, int(own), setting)
        progress("simulating raw MR signals", len(sets) / len(heads))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = signal_cnn.SignalCnn()
        model.fit_front(torch.from_numpy(sets["train"].signals))
        fit, select, accept = (_labelled(sets[name]) for name in ("train", "select", "accept"))
        train(model, fit, select, schedule, seed, progress)

    progress("fitting the linear baseline", 0.0)
    baseline = fit_ridge(
        Labelled(_whitened(model, fit.inputs), fit.labels),
        Labelled(_whitened(model, select.inputs), select.labels),
    )
    linear = area(accept.labels, baseline(_whitened(model, accept.inputs)))
    network = area(accept.labels, predict(model, accept.inputs))

    out.mkdir(parents=True, exist_ok=True)
    write_model(out, signal_cnn, model)
    _write_signals(out / "simulated.npz", sets)
    recipe = out / "recipe.toml"
    recipe.write_text(recipe_text("imageless-mr"), encoding="utf-8")
    case = out / "case.npy"
    np.save(case, sets["accept"].signals[0])
    return Prepared(
        recipe,
        (
            f"SIMULATED signals, not patients: {setting.describe()}.",
            f"Test AUC on {len(accept.labels)} simulated heads: 1D-CNN {network:.3f}, "
            f"linear baseline (ridge) {linear:.3f}.",
        ),
        case,
    )


def _labelled(signals: SimulatedSignals) -> Labelled:
    return Labelled(signals.signals, signals.labels)


def _whitened(model: SignalCnn, signals: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the CNN sees behind its front, (n, 2048): the baseline gets the same."""
    import torch

    with torch.no_grad():
        return np.asarray(model.whitened(torch.from_numpy(signals)).flatten(1).numpy(), np.float32)


def _write_signals(path: Path, sets: dict[str, SimulatedSignals]) -> None:
    arrays: dict[str, NDArray[Any]] = {}
    for name, signals in sets.items():
        if name != "train":
            arrays[f"{name}_signals"] = signals.signals
            arrays[f"{name}_labels"] = signals.labels
            arrays[f"{name}_lesion_ml"] = signals.lesion_ml
    np.savez(path, **arrays)  # type: ignore[arg-type]
