"""MobileNetV3-Large (Howard et al. 2019) and EfficientNet-B0 (Tan and Le 2019): inverted residuals."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from edgemed.suite.nets.width import divisible

Activation = Callable[[], nn.Module]


def _conv(
    inside: int, outside: int, kernel: int, stride: int, eps: float, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outside, eps=eps),
    ]


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate computed from all channels' means."""

    def __init__(self, channels: int, squeezed: int, inner: Activation, gate: Activation) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(channels, squeezed, 1), inner(), nn.Conv2d(squeezed, channels, 1), gate()
        )

    def forward(self, x: Tensor) -> Tensor:
        scaled: Tensor = x * self.gate(x.mean((2, 3), keepdim=True))
        return scaled


class Skip(nn.Module):
    """`body(x) + x`."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = self.body(x) + x
        return summed


class Inverted(nn.Module):
    """`image` float32 (N, 3, 224, 224) to logits (N, 1000): features, global mean, head."""

    def __init__(self, features: list[nn.Module], head: nn.Module) -> None:
        super().__init__()
        self.features = nn.Sequential(*features)
        self.head = head

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(image).mean((2, 3)))
        return logits


def _block(
    inside: int,
    expanded: int,
    outside: int,
    kernel: int,
    stride: int,
    eps: float,
    activation: Activation,
    excite: nn.Module | None,
) -> nn.Module:
    layers: list[nn.Module] = []
    if expanded != inside:
        layers += [*_conv(inside, expanded, 1, 1, eps), activation()]
    layers += [*_conv(expanded, expanded, kernel, stride, eps, groups=expanded), activation()]
    if excite is not None:
        layers.append(excite)
    layers += _conv(expanded, outside, 1, 1, eps)
    body = nn.Sequential(*layers)
    return Skip(body) if stride == 1 and inside == outside else body


# kernel, expanded, outside, squeeze-and-excite, h-swish, stride: table 1 of the paper
_MOBILENET_V3 = (
    (3, 16, 16, False, False, 1),
    (3, 64, 24, False, False, 2),
    (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2),
    (5, 120, 40, True, False, 1),
    (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2),
    (3, 200, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1),
    (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2),
    (5, 960, 160, True, True, 1),
    (5, 960, 160, True, True, 1),
)


def mobilenet_v3(width: float = 1.0) -> nn.Module:
    eps = 0.001
    inside = divisible(16 * width)
    features: list[nn.Module] = [*_conv(3, inside, 3, 2, eps), nn.Hardswish()]
    for kernel, expanded, outside, excited, swish, stride in _MOBILENET_V3:
        wide, out = divisible(expanded * width), divisible(outside * width)
        excite = SqueezeExcite(wide, divisible(wide // 4), nn.ReLU, nn.Hardsigmoid) if excited else None
        activation: Activation = nn.Hardswish if swish else nn.ReLU
        features.append(_block(inside, wide, out, kernel, stride, eps, activation, excite))
        inside = out
    last, hidden = 6 * inside, divisible(1280 * width)
    features += [*_conv(inside, last, 1, 1, eps), nn.Hardswish()]
    return Inverted(features, nn.Sequential(nn.Linear(last, hidden), nn.Hardswish(), nn.Linear(hidden, 1000)))


# expansion, kernel, stride, outside, depth: table 1 of the paper
_EFFICIENTNET_B0 = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def efficientnet_b0(width: float = 1.0) -> nn.Module:
    eps = 1e-5
    inside = divisible(32 * width)
    features: list[nn.Module] = [*_conv(3, inside, 3, 2, eps), nn.SiLU()]
    for expansion, kernel, stride, outside, depth in _EFFICIENTNET_B0:
        out = divisible(outside * width)
        for index in range(depth):
            wide = inside * expansion
            excite = SqueezeExcite(wide, max(1, inside // 4), nn.SiLU, nn.Sigmoid)
            features.append(_block(inside, wide, out, kernel, 1 if index else stride, eps, nn.SiLU, excite))
            inside = out
    last = divisible(1280 * width)
    features += [*_conv(inside, last, 1, 1, eps), nn.SiLU()]
    return Inverted(features, nn.Linear(last, 1000))
