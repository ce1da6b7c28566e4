"""Compact residual CNN for 28x28 chest X-rays: one normalised channel in, one logit out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, as in ResNet-18."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class XrayNet(nn.Module):
    """`image` float32 (N, 1, 28, 28), normalised as by `preprocess`, to one logit (N, 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(Residual(16, 24, 2), Residual(24, 32, 2), Residual(32, 64, 2))
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, 1))

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.head(self.blocks(self.stem(image)).mean((2, 3)))
        return logit


def preprocess(image: NDArray[Any]) -> NDArray[np.float32]:
    """One raw picture, uint8 (28, 28), to the net's input, float32 (1, 28, 28) in [-1, 1]."""
    return ((image.astype(np.float32)[None] / 255.0 - 0.5) / 0.5).astype(np.float32)


def build() -> nn.Module:
    """The net that the recipe names; its weights come from `model.safetensors`."""
    return XrayNet()
