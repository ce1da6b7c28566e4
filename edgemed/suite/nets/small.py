"""Small nets as found on point-of-care devices: raw signals, volumes, sequences, picture and table."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgemed.suite.nets.width import divisible


class Cnn1d(nn.Module):
    """`signal` float32 (N, 2, 1024) to one logit (N, 1)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        inside = 2
        layers: list[nn.Module] = []
        for channels, kernel in ((16, 15), (32, 7), (64, 7), (64, 7)):
            outside = divisible(channels * width)
            layers += [
                nn.Conv1d(inside, outside, kernel, 2, kernel // 2, bias=False),
                nn.BatchNorm1d(outside),
                nn.ReLU(),
            ]
            inside = outside
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(inside, inside), nn.ReLU(), nn.Linear(inside, 1))

    def forward(self, signal: Tensor) -> Tensor:
        logit: Tensor = self.head(self.body(signal).mean(2))
        return logit


class Block1d(nn.Module):
    """Basic residual block of two convolutions of length 7."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(inside, outside, 7, stride, 3, bias=False),
            nn.BatchNorm1d(outside),
            nn.ReLU(),
            nn.Conv1d(outside, outside, 7, 1, 3, bias=False),
            nn.BatchNorm1d(outside),
        )
        same = stride == 1 and inside == outside
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv1d(inside, outside, 1, stride, bias=False), nn.BatchNorm1d(outside))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class ResNet1d(nn.Module):
    """`signal` float32 (N, 2, 4096) to one logit (N, 1)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        inside = divisible(32 * width)
        self.stem = nn.Sequential(
            nn.Conv1d(2, inside, 15, 2, 7, bias=False),
            nn.BatchNorm1d(inside),
            nn.ReLU(),
            nn.MaxPool1d(3, 2, 1),
        )
        blocks: list[nn.Module] = []
        for stage, channels in enumerate((32, 64, 96, 160)):
            outside = divisible(channels * width)
            blocks += [Block1d(inside, outside, 2 if stage else 1), Block1d(outside, outside, 1)]
            inside = outside
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inside, 1)

    def forward(self, signal: Tensor) -> Tensor:
        logit: Tensor = self.head(self.blocks(self.stem(signal)).mean(2))
        return logit


class Cnn3d(nn.Module):
    """`volume` float32 (N, 1, 64, 64, 64) to one logit (N, 1)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        inside = 1
        layers: list[nn.Module] = []
        for stage, channels in enumerate((16, 32, 64, 128)):
            outside = divisible(channels * width)
            if stage:
                layers.append(nn.MaxPool3d(2))
            layers += [
                nn.Conv3d(inside, outside, 3, padding=1, bias=False),
                nn.BatchNorm3d(outside),
                nn.ReLU(),
            ]
            inside = outside
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(inside, 1)

    def forward(self, volume: Tensor) -> Tensor:
        logit: Tensor = self.head(self.body(volume).mean((2, 3, 4)))
        return logit


class Recurrent(nn.Module):
    """`sequence` float32 (N, 128, 2) to one logit (N, 1), read off the last step."""

    def __init__(self, cell: type[nn.GRU] | type[nn.LSTM], width: float = 1.0) -> None:
        super().__init__()
        hidden = divisible(64 * width)
        self.cell = cell(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, sequence: Tensor) -> Tensor:
        logit: Tensor = self.head(self.cell(sequence)[0][:, -1])
        return logit


class Fusion(nn.Module):
    """`image` float32 (N, 1, 64, 64) and `table` float32 (N, 16) to one logit (N, 1)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        inside = 1
        layers: list[nn.Module] = []
        for stage, channels in enumerate((16, 32, 64, 64)):
            outside = divisible(channels * width)
            layers += [
                nn.Conv2d(inside, outside, 3, 2 if stage else 1, 1, bias=False),
                nn.BatchNorm2d(outside),
                nn.ReLU(),
            ]
            inside = outside
        self.picture = nn.Sequential(*layers)
        hidden = divisible(32 * width)
        self.numbers = nn.Sequential(nn.Linear(16, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        joint = divisible(64 * width)
        self.head = nn.Sequential(nn.Linear(inside + hidden, joint), nn.ReLU(), nn.Linear(joint, 1))

    def forward(self, image: Tensor, table: Tensor) -> Tensor:
        joined = torch.cat((self.picture(image).mean((2, 3)), self.numbers(table)), 1)
        logit: Tensor = self.head(joined)
        return logit


def gru(width: float = 1.0) -> nn.Module:
    return Recurrent(nn.GRU, width)


def lstm(width: float = 1.0) -> nn.Module:
    return Recurrent(nn.LSTM, width)
