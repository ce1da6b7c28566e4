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
_STREAMS: dict[Role, int] = {"fit": 1, "validate": 2, "test": 3}


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
        """What networks and readout are given of `data` at one SNR, always with the same noise."""
        random = np.random.default_rng((self.study.seed, _STREAMS[role]))
        return self.learner.rows(with_fresh_noise(data.signals, () if snr is None else (snr,), random))

    def answers(self, rows: NDArray[np.float32]) -> list[dict[str, NDArray[Any]]]:
        """By seed, then by head."""
        return [answers(net, rows) for net in self.networks]

    def linear(self, fit: SignalSet, validate: SignalSet, snr: float | None) -> Linear:
        return fit_linear(
            self.learner.heads,
            self.seen(fit, "fit", snr),
            fit.targets,
            (self.seen(validate, "validate", snr), validate.targets),
        )


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
    rows = learner.rows(with_fresh_noise(validate.signals, study.snrs, random))
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
