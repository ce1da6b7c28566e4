"""Nets to prune, of every kind that a user may bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch  # noqa: TID253
from torch import Tensor, nn  # noqa: TID253


def _conv(
    inside: int, outside: int, norm: Callable[[int], nn.Module] = nn.BatchNorm2d, **options: int
) -> nn.Sequential:
    options = {"kernel_size": 3, "padding": 1, **options}
    return nn.Sequential(nn.Conv2d(inside, outside, **options), norm(outside), nn.ReLU())


class Plain(nn.Module):
    """Names its input `image`; `body` ends in (N, channels, H, W) or (N, channels)."""

    def __init__(self, body: nn.Module, channels: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(channels, 2)

    def forward(self, image: Tensor) -> Tensor:
        x = self.body(image)
        return self.head(x.mean((2, 3)) if x.dim() == 4 else x)


class UNet(nn.Module):
    def __init__(self, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.down1, self.down2 = _conv(1, 16, norm), _conv(16, 32, norm, stride=2)
        self.up = nn.ConvTranspose2d(32, 24, 2, 2)
        self.join = _conv(16 + 24, 32, norm)
        self.head = nn.Conv2d(32, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        fine = self.down1(image)
        return self.head(self.join(torch.cat((fine, self.up(self.down2(fine))), 1)))


class Grouped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.grouped, self.last = _conv(1, 32), _conv(32, 64, groups=4), _conv(64, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.last(self.grouped(self.first(image))).mean((2, 3)))


class Excited(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.deep = _conv(1, 32), _conv(32, 32, groups=32)
        self.gate = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 32), nn.Sigmoid())
        self.head = nn.Linear(32, 2)

    def forward(self, image: Tensor) -> Tensor:
        x = self.deep(self.first(image))
        return self.head((x * self.gate(x.mean((2, 3)))[:, :, None, None]).mean((2, 3)))


class TwoByTwo(nn.Module):
    """Two inputs, two heads in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.numbers = _conv(1, 32), nn.Sequential(nn.Linear(6, 16), nn.ReLU())
        self.joint = nn.Sequential(nn.Linear(48, 32), nn.ReLU())
        self.finding, self.age = (
            nn.Linear(32, 3),
            nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1)),
        )

    def forward(self, image: Tensor, table: Tensor) -> dict[str, Tensor]:
        x = self.joint(torch.cat((self.picture(image).mean((2, 3)), self.numbers(table)), 1))
        return {"finding": self.finding(x), "age": self.age(x)}


class Twice(nn.Module):
    """One layer called twice, and two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.twice, self.last = _conv(1, 32), _conv(32, 32), _conv(32, 32)
        self.left, self.right = nn.Linear(32, 32), nn.Linear(32, 32)
        self.right.weight = self.left.weight
        self.head = nn.Linear(64, 2)

    def forward(self, image: Tensor) -> Tensor:
        x = self.last(self.twice(self.twice(self.first(image)))).mean((2, 3))
        return self.head(torch.cat((torch.relu(self.left(x)), torch.relu(self.right(x))), 1))


class Fixed(nn.Module):
    """Sizes written as numbers: a view, and halves by channel."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = _conv(1, 32), _conv(32, 32)
        self.third, self.fourth = _conv(32, 32), _conv(16, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, image: Tensor) -> Tensor:
        x = self.second(self.first(image)).view(-1, 32, 28, 28)
        x = self.third(x)
        return self.head(self.fourth(x[:, :16] * x[:, 16:]).mean((2, 3)))


class Tokens(nn.Module):
    """`nn.MultiheadAttention` between norms, beside skips."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, 32, 4, 4)
        self.position = nn.Parameter(torch.randn(1, 49, 32))
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(32), nn.LayerNorm(32), nn.LayerNorm(32)
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)
        self.hidden = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
        self.head = nn.Linear(32, 2)

    def forward(self, image: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2) + self.position
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.hidden(self.norm2(x))
        return self.head(self.norm3(x).mean(1))


class Qkv(nn.Module):
    """As timm writes it."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, dim // heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        qkv = self.qkv(x).reshape(batch, length, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        x = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(x.transpose(1, 2).reshape(batch, length, -1))


class Bert(nn.Module):
    """Layers of their own for queries, keys and values; `all_head_size` as a number."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.num_attention_heads, self.all_head_size = heads, dim
        self.query, self.key, self.value = nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.dense = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            layer(x).unflatten(2, (self.num_attention_heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        x = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
        return self.dense(x.reshape(x.shape[0], -1, self.all_head_size))


class Sequence(nn.Module):
    """`signal` (N, 10, 16) through `attention`."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.embed, self.attention, self.head = nn.Linear(16, 32), attention, nn.Linear(32, 2)

    def forward(self, signal: Tensor) -> Tensor:
        x = self.embed(signal)
        return self.head((x + self.attention(x)).mean(1))


class Encoder(nn.Module):
    """torch's own transformer layers, whose eval mode has a fast path."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.embed, self.head = nn.Linear(16, 32), nn.Linear(32, 2)

    def forward(self, signal: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(signal)).mean(1))


class Recurrent(nn.Module):
    def __init__(self, cell: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(16, 32, 3, padding=1), nn.ReLU())
        self.cell, self.hidden, self.head = (
            cell(32, 24, batch_first=True),
            nn.Linear(24, 32),
            nn.Linear(32, 2),
        )

    def forward(self, signal: Tensor) -> Tensor:
        x = self.cell(self.conv(signal.transpose(1, 2)).transpose(1, 2))[0][:, -1]
        return self.head(torch.relu(self.hidden(x)))


def _flat() -> nn.Module:
    return Plain(nn.Sequential(_conv(1, 16, stride=2), _conv(16, 16, stride=2), nn.Flatten()), 16 * 7 * 7)


def _volume() -> nn.Module:
    body = nn.Sequential(
        nn.Conv3d(1, 16, 3), nn.BatchNorm3d(16), nn.PReLU(16), nn.Conv3d(16, 32, 3), nn.Flatten()
    )
    return nn.Sequential(body, nn.Linear(32 * 4**3, 2))


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = _volume()

    def forward(self, volume: Tensor) -> Tensor:
        return self.body(volume)


def _normed(norm: Callable[[int], nn.Module]) -> Callable[[], nn.Module]:
    return lambda: Plain(
        nn.Sequential(nn.Conv2d(1, 32, 3), norm(32), nn.ReLU(), nn.Conv2d(32, 64, 3), norm(64), nn.ReLU()), 64
    )


def made(name: str, samples: int, rounds: int = 3) -> tuple[nn.Module, dict[str, Tensor]]:
    """A net of `NETS` in eval mode, whose BatchNorm statistics are not the initial ones, and its inputs."""
    make, shapes, _ = NETS[name]
    torch.manual_seed(0)
    net = make()
    inputs = {key: torch.randn(samples, *shape) for key, shape in shapes.items()}
    with torch.no_grad():
        for _ in range(rounds):
            net(**inputs)
    return net.eval(), inputs


IMAGE, SIGNAL = {"image": (1, 28, 28)}, {"signal": (10, 16)}
# name: net, shapes of its inputs, layers that must be left alone beside the last
NETS: dict[str, tuple[Callable[[], nn.Module], Mapping[str, tuple[int, ...]], tuple[str, ...]]] = {
    "flatten": (_flat, IMAGE, ()),
    "3d": (Volume, {"volume": (1, 8, 8, 8)}, ()),
    "unet": (UNet, IMAGE, ()),
    "unet of instance norms": (lambda: UNet(nn.InstanceNorm2d), IMAGE, ()),
    "grouped": (Grouped, IMAGE, ()),
    "squeeze-excite": (Excited, IMAGE, ()),
    "two inputs, two heads": (TwoByTwo, {"image": (1, 28, 28), "table": (6,)}, ()),
    "shared": (Twice, IMAGE, ("left", "right", "last.0")),
    "fixed sizes": (Fixed, IMAGE, ("second.0", "third.0")),
    "group norm": (_normed(lambda n: nn.GroupNorm(4, n)), IMAGE, ()),
    "plain batch norm": (_normed(lambda n: nn.BatchNorm2d(n, affine=False)), IMAGE, ()),
    "instance norm": (_normed(lambda n: nn.InstanceNorm2d(n, affine=True)), IMAGE, ()),
    "multihead attention": (Tokens, IMAGE, ()),
    "qkv": (lambda: Sequence(Qkv(32, 4)), SIGNAL, ()),
    "bert": (lambda: Sequence(Bert(32, 4)), SIGNAL, ()),
    "encoder": (Encoder, SIGNAL, ()),
    "lstm": (lambda: Recurrent(nn.LSTM), SIGNAL, ("cell",)),
    "gru": (lambda: Recurrent(nn.GRU), SIGNAL, ("cell",)),
}
