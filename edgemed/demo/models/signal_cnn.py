"""1D-CNN for raw MR signals: I and Q in, one logit out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SAMPLES = 1024
ECHO = 32


def _conv(inside: int, outside: int, kernel: int, stride: int, padding: int) -> list[nn.Module]:
    return [
        nn.Conv1d(inside, outside, kernel, stride, padding, bias=False),
        nn.BatchNorm1d(outside),
        nn.ReLU(),
    ]


class SignalCnn(nn.Module):
    """`signal` float32 (N, 2, 1024) to one logit (N, 1).

    The front divides by the first echo's peak, which takes gain and phase away, and brings each sample to
    mean 0 and variance 1 over the training set (`fit_front`).
    """

    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(2, SAMPLES))
        self.register_buffer("scale", torch.ones(2, SAMPLES))
        self.body = nn.Sequential(
            *_conv(2, 32, ECHO, ECHO // 4, 12), *_conv(32, 64, 5, 2, 2), *_conv(64, 64, 5, 2, 2)
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(64 * ECHO, 1))

    def referenced(self, signal: Tensor) -> Tensor:
        """The complex quotient of the signal and the peak of its first echo."""
        i, q = signal[:, :1], signal[:, 1:]
        peak = signal[:, :, ECHO // 2 : ECHO // 2 + 1]
        a, b = peak[:, :1], peak[:, 1:]
        return torch.cat((i * a + q * b, q * a - i * b), 1) / (a * a + b * b)

    def whitened(self, signal: Tensor) -> Tensor:
        """The front: (N, 2, 1024), each sample of mean 0 and variance 1 over the training set."""
        return (self.referenced(signal) - self.mean) * self.scale

    def fit_front(self, signals: Tensor) -> None:
        """Take mean and variance of each sample from the training signals."""
        referenced = self.referenced(signals)
        self.mean.copy_(referenced.mean(0))
        self.scale.copy_(1.0 / (referenced.std(0) + 1e-6))

    def forward(self, signal: Tensor) -> Tensor:
        logit: Tensor = self.head(self.body(self.whitened(signal)))
        return logit


def build() -> nn.Module:
    """The net that the recipe names; its weights come from `model.safetensors`."""
    return SignalCnn()
