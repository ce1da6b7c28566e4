"""FixedNorms: norms over channels that answer with statistics taken from another run.

Imported inside functions only: it needs torch to be defined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class FixedNorms(TorchFunctionMode):
    """While active, `layer_norm`, `group_norm` and `rms_norm` are computed here.

    Call number i takes mean and scale from `given[i]`, as an earlier run left them in `statistics`. They are
    the input's own without `given`, and where those are of another shape: of a head that is gone.
    """

    def __init__(self, given: Sequence[tuple[Tensor, Tensor]] | None) -> None:
        super().__init__()
        self._given = given
        self.statistics: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        own: dict[Callable[..., Any], Callable[..., Any]] = {
            functional.layer_norm: self._layer_norm,
            functional.group_norm: self._group_norm,
            functional.rms_norm: self._rms_norm,
        }
        return own.get(func, func)(*args, **(kwargs or {}))

    def _layer_norm(
        self,
        input: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        axes = tuple(range(-len(normalized_shape), 0))
        mean, scale = self._next(
            input.mean(axes, keepdim=True), (input.var(axes, unbiased=False, keepdim=True) + eps).rsqrt()
        )
        return _affine((input - mean) * scale, weight, bias)

    def _rms_norm(
        self,
        input: Tensor,
        normalized_shape: Sequence[int],
        weight: Tensor | None = None,
        eps: float | None = None,
    ) -> Tensor:
        axes = tuple(range(-len(normalized_shape), 0))
        eps = torch.finfo(input.dtype).eps if eps is None else eps
        scale = (input.square().mean(axes, keepdim=True) + eps).rsqrt()
        return _affine(input * self._next(torch.zeros_like(scale), scale)[1], weight, None)

    def _group_norm(
        self,
        input: Tensor,
        num_groups: int,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        groups = input.reshape(len(input), num_groups, -1)
        mean, scale = self._next(
            groups.mean(2, keepdim=True), (groups.var(2, unbiased=False, keepdim=True) + eps).rsqrt()
        )
        shape = (-1, *(1,) * (input.dim() - 2))
        return _affine(
            ((groups - mean) * scale).view(input.shape),
            None if weight is None else weight.view(shape),
            None if bias is None else bias.view(shape),
        )

    def _next(self, mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        if self._given is not None and self._given[len(self.statistics)][1].shape == scale.shape:
            mean, scale = self._given[len(self.statistics)]
        self.statistics.append((mean, scale))
        return mean, scale


def _affine(value: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    value = value if weight is None else value * weight
    return value if bias is None else value + bias
