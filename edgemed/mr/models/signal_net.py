"""1D-CNNs on raw MR signals: channels and samples in, one output for each head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

PLACES = 64
"""The first layer brings longer signals to about so many places, by patches that do not overlap."""
MIXED = 48
"""Channels of the first layer: weighted sums over all channels of a place, such as over an echo train."""


def _conv(inside: int, outside: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv1d(inside, outside, 5, stride, 2, bias=False),
        nn.BatchNorm1d(outside),
        nn.ReLU(),
    ]


class Residual(nn.Module):
    """Two convolutions beside a shortcut, as in ResNet-18."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_conv(inside, outside, stride), *_conv(outside, outside, 1)[:2])
        self.shortcut = nn.Sequential(
            nn.Conv1d(inside, outside, 1, stride, bias=False), nn.BatchNorm1d(outside)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class SignalNet(nn.Module):
    """`signal` float32 (N, channels, length) to a dict of (N, columns), one for each of `heads`.

    `architecture`: `cnn` (three convolutions), `resnet` (two residual blocks behind the first), or
    `linear-path` (the cnn, and a linear map of the signal itself added to its answers). `scale` and `offset`
    (columns,) bring values to their unit; for classes they are 1 and 0.
    """

    scale: Tensor
    offset: Tensor

    def __init__(
        self,
        channels: int,
        length: int,
        heads: dict[str, int],
        architecture: str = "cnn",
        width: int = 32,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.heads = dict(heads)
        columns = sum(heads.values())
        patch = max(1, length // PLACES)
        places = -(-(length // patch) // 2)
        self.stem = nn.Sequential(
            nn.Conv1d(channels, MIXED, patch, patch, bias=False), nn.BatchNorm1d(MIXED), nn.ReLU()
        )
        if architecture == "resnet":
            self.body = nn.Sequential(Residual(MIXED, width, 1), Residual(width, width, 2))
        else:
            self.body = nn.Sequential(*_conv(MIXED, width, 1), *_conv(width, width, 2))
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(width * places, columns))
        self.linear = nn.Linear(channels * length, columns) if architecture == "linear-path" else None
        if self.linear is not None:
            nn.init.zeros_(self.linear.weight)
        self.register_buffer("scale", torch.ones(columns))
        self.register_buffer("offset", torch.zeros(columns))

    def standard(self, signal: Tensor) -> Tensor:
        """(N, columns) before `scale` and `offset`."""
        answer: Tensor = self.head(self.body(self.stem(signal)))
        return answer if self.linear is None else answer + self.linear(signal.flatten(1))

    def forward(self, signal: Tensor) -> dict[str, Tensor]:
        answers = self.standard(signal) * self.scale + self.offset
        return dict(zip(self.heads, torch.split(answers, list(self.heads.values()), 1), strict=True))


def build(**arguments: object) -> nn.Module:
    """The net that the recipe names, by its `factory_args`; its weights come from `model.safetensors`."""
    return SignalNet(**arguments)  # type: ignore[arg-type]
