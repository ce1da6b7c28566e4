"""DeiT-Tiny/16 without the distillation token (Touvron et al. 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

HEADS = 3


class Attention(nn.Module):
    """Multi-head self-attention with one matrix for queries, keys and values."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.num_heads = HEADS
        self.scale = (dim // HEADS) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part.unflatten(2, (self.num_heads, -1)).transpose(1, 2) for part in self.qkv(x).chunk(3, 2)
        )
        weights = torch.softmax((query * self.scale) @ key.transpose(2, 3), -1)
        mixed: Tensor = self.out((weights @ value).transpose(1, 2).flatten(2))
        return mixed


class Block(nn.Module):
    """Attention and perceptron, each behind a LayerNorm and beside a skip."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(dim, eps=1e-6), Attention(dim))
        self.perceptron = nn.Sequential(
            nn.LayerNorm(dim, eps=1e-6), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        summed: Tensor = x + self.perceptron(x)
        return summed


class DeiT(nn.Module):
    """`image` float32 (N, 3, 224, 224) to logits (N, 1000)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        dim = HEADS * max(8, round(64 * width))
        self.patches = nn.Conv2d(3, dim, 16, 16)
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.position = nn.Parameter(0.02 * torch.randn(1, 14 * 14 + 1, dim))
        self.blocks = nn.Sequential(*(Block(dim) for _ in range(12)))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.head = nn.Linear(dim, 1000)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patches(image).flatten(2).transpose(1, 2)
        token = self.token.expand(image.shape[0], -1, -1)
        x = self.blocks(torch.cat((token, patches), 1) + self.position)
        logits: Tensor = self.head(self.norm(x[:, 0]))
        return logits
