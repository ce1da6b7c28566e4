"""Fitted: networks of several seeds that learnt from the same signals, and the linear readout beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgemed.mr.linear import Linear, fit_linear
from edgemed.mr.noise import with_fresh_noise
from edgemed.mr.raw_front import statistics
from edgemed.mr.signal_set import SignalSet
from edgemed.mr.study import Material, Study
from edgemed.mr.training import Learner, answers, train

if TYPE_CHECKING:
    from edgemed.mr.models.signal_net import SignalNet

Progress = Callable[[str, str, int, int], None]
"""Stage, what is being done, how much of it is done, of how much."""
Role = Literal["fit", "validate", "test"]
_STREAMS = {"fit": 1, "validate": 2, "test": 3, "moved": 4}
COPIES = 2
MOST_ROWS = 4000
"""Of a readout that is fitted in closed form: its cost rises with their cube."""


@dataclass(frozen=True)
class Fitted:
    """`networks` by seed and what each reached on the validation set."""

    study: Study
    learner: Learner
    networks: tuple[SignalNet, ...]
    validation: tuple[float, ...]

    @property
    def best(self) -> int:
        return int(np.argmax(self.validation))

    def seen(self, data: SignalSet, role: Role, snr: float | None) -> NDArray[np.float32]:
        """`data` behind the front, before whitening, at one SNR and always with the same noise."""
        random = np.random.default_rng((self.study.seed, _STREAMS[role]))
        return self.learner.front(with_fresh_noise(data.signals, () if snr is None else (snr,), random))

    def answers(self, seen: NDArray[np.float32]) -> list[dict[str, NDArray[Any]]]:
        """By seed, then by head."""
        rows = self.learner.whitened(seen)
        return [answers(net, rows) for net in self.networks]

    def linear(self, fit: SignalSet, validate: SignalSet, snr: float | None) -> Linear:
        """Fitted before whitening, of which a readout chooses its own.

        Where heads are moved for the networks, they are moved for it: up to `COPIES` copies of each signal
        join the signals as they are, as far as `MOST_ROWS` allow.
        """
        seen, targets = [self.seen(fit, "fit", snr)], fit.targets
        if self.study.shift.places:
            random = np.random.default_rng((self.study.seed, _STREAMS["moved"]))
            for _ in range(min(COPIES, MOST_ROWS // len(fit) - 1)):
                moved = self.study.shift(fit.signals, random)
                noisy = with_fresh_noise(moved, () if snr is None else (snr,), random)
                seen.append(self.learner.front(noisy))
            targets = {name: np.tile(target, len(seen)) for name, target in targets.items()}
        chosen_on = (self.seen(validate, "validate", snr), validate.targets)
        return fit_linear(self.learner.heads, np.concatenate(seen), targets, chosen_on)


def fit_networks(
    study: Study, material: Material, fit: SignalSet, validate: SignalSet, what: str, progress: Progress
) -> Fitted:
    """Train `study.seeds` networks on `fit`, each stopped on `validate`; whitening is that of `fit`."""
    import torch

    from edgemed.mr.models.signal_net import SignalNet

    front, heads = material.front, material.heads
    random = np.random.default_rng((study.seed, _STREAMS["fit"]))
    noisy = with_fresh_noise(study.shift(fit.signals, random), study.snrs, random)
    learner = Learner(front, *statistics(front(noisy)), heads, study.snrs, study.shift)
    random = np.random.default_rng((study.seed, _STREAMS["validate"]))
    rows = learner.whitened(front(with_fresh_noise(validate.signals, study.snrs, random)))
    networks, validation = [], []
    for seed in range(study.seed, study.seed + study.seeds):

        def epoch_done(done: int, of: int, reached: float, seed: int = seed) -> None:
            progress(f"seed {seed}", f"{what}, validation {reached:.3f}", done, of)

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = SignalNet(
                front.channels, front.length, {head.name: head.columns for head in heads}, study.architecture
            )
            reached = train(net, learner, fit, (rows, validate.targets), study.schedule, seed, epoch_done)
        networks.append(net)
        validation.append(reached)
    return Fitted(study, learner, tuple(networks), tuple(validation))
