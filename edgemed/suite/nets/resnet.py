"""ResNet-18 and ResNet-50 (He et al. 2016, with the stride in the 3x3 convolution)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgemed.suite.nets.width import divisible


def _conv_norm(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outside)
    )


class Residual(nn.Module):
    """`relu(body(x) + shortcut(x))`."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def _shortcut(inside: int, outside: int, stride: int) -> nn.Module:
    if stride == 1 and inside == outside:
        return nn.Identity()
    return _conv_norm(inside, outside, 1, stride)


def _basic(inside: int, channels: int, stride: int) -> Residual:
    body = nn.Sequential(
        _conv_norm(inside, channels, 3, stride), nn.ReLU(), _conv_norm(channels, channels, 3)
    )
    return Residual(body, _shortcut(inside, channels, stride))


def _bottleneck(inside: int, channels: int, stride: int) -> Residual:
    outside = 4 * channels
    body = nn.Sequential(
        _conv_norm(inside, channels, 1),
        nn.ReLU(),
        _conv_norm(channels, channels, 3, stride),
        nn.ReLU(),
        _conv_norm(channels, outside, 1),
    )
    return Residual(body, _shortcut(inside, outside, stride))


class ResNet(nn.Module):
    """`image` float32 (N, 3, 224, 224) to logits (N, 1000)."""

    def __init__(self, depths: tuple[int, ...], bottleneck: bool, width: float = 1.0) -> None:
        super().__init__()
        block, expansion = (_bottleneck, 4) if bottleneck else (_basic, 1)
        inside = divisible(64 * width)
        self.stem = nn.Sequential(_conv_norm(3, inside, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        blocks: list[nn.Module] = []
        for stage, depth in enumerate(depths):
            channels = divisible(64 * 2**stage * width)
            for index in range(depth):
                blocks.append(block(inside, channels, 2 if stage and not index else 1))
                inside = channels * expansion
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inside, 1000)

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.blocks(self.stem(image)).mean((2, 3)))
        return logits


def resnet18(width: float = 1.0) -> nn.Module:
    return ResNet((2, 2, 2, 2), bottleneck=False, width=width)


def resnet50(width: float = 1.0) -> nn.Module:
    return ResNet((3, 4, 6, 3), bottleneck=True, width=width)
