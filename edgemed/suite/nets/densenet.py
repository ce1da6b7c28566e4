"""DenseNet-121 (Huang et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgemed.suite.nets.width import divisible


class DenseLayer(nn.Module):
    """Adds `growth` channels to its input, through a bottleneck of four times as many."""

    def __init__(self, inside: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inside),
            nn.ReLU(),
            nn.Conv2d(inside, 4 * growth, 1, bias=False),
            nn.BatchNorm2d(4 * growth),
            nn.ReLU(),
            nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((x, self.body(x)), 1)


def _transition(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(inside), nn.ReLU(), nn.Conv2d(inside, outside, 1, bias=False), nn.AvgPool2d(2)
    )


class DenseNet121(nn.Module):
    """`image` float32 (N, 3, 224, 224) to logits (N, 1000)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        growth, channels = divisible(32 * width), divisible(64 * width)
        layers: list[nn.Module] = [
            nn.Conv2d(3, channels, 7, 2, 3, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
        depths = (6, 12, 24, 16)
        for stage, depth in enumerate(depths):
            for _ in range(depth):
                layers.append(DenseLayer(channels, growth))
                channels += growth
            if stage < len(depths) - 1:
                layers.append(_transition(channels, channels // 2))
                channels //= 2
        self.body = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU())
        self.head = nn.Linear(channels, 1000)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(image).mean((2, 3)))
        return logits
