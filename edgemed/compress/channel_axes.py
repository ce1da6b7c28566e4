"""Where a module holds its channels: cut there, or set to zero there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgemed.compress.attention_heads import split_on_the_way
from edgemed.compress.history import Cut, History

if TYPE_CHECKING:
    from torch import Tensor, nn


class CannotCut(Exception):
    """This module cannot lose these channels; the message says why."""


@dataclass(frozen=True)
class ChannelAxis:
    """Axis `axis` of the tensor `tensor`: of `period` channels where the groups of a convolution share it."""

    tensor: str
    axis: int
    period: int = 0

    def places(self, channels: Iterable[int]) -> list[int]:
        """The entries of `channels`; every group must lose the same ones."""
        channels = sorted(channels)
        if not self.period:
            return channels
        groups: dict[int, list[int]] = {}
        for channel in channels:
            groups.setdefault(channel // self.period, []).append(channel % self.period)
        first, *others = groups.values()
        if any(other != first for other in others):
            raise CannotCut("the groups of the convolution would lose different channels")
        return first


def axes_of(module: nn.Module, side: str) -> tuple[tuple[ChannelAxis, ...], tuple[str, ...]]:
    """The axes of `side`'s channels and the attributes that count them. Raises `CannotCut`.

    A depthwise convolution and a norm have the same channels on both sides.
    """
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.conv import _ConvNd
    from torch.nn.modules.instancenorm import _InstanceNorm

    vectors = (ChannelAxis("weight", 0), ChannelAxis("bias", 0))
    if isinstance(module, _ConvNd):
        return _axes_of_convolution(module, side)
    if isinstance(module, nn.Linear):
        return (
            (vectors, ("out_features",)) if side == "out" else ((ChannelAxis("weight", 1),), ("in_features",))
        )
    if isinstance(module, (_BatchNorm, _InstanceNorm)):
        return (*vectors, ChannelAxis("running_mean", 0), ChannelAxis("running_var", 0)), ("num_features",)
    if isinstance(module, (nn.LayerNorm, nn.RMSNorm)):
        if len(module.normalized_shape) > 1:
            raise CannotCut(f"{type(module).__name__} normalises over several axes")
        return vectors, ("normalized_shape",)
    if isinstance(module, nn.GroupNorm):
        return vectors, ("num_channels",)
    if isinstance(module, nn.PReLU):
        return (vectors[:1], ("num_parameters",)) if module.num_parameters > 1 else ((), ())
    if isinstance(module, nn.Embedding):
        return (ChannelAxis("weight", 1),), ("embedding_dim",)
    if isinstance(module, nn.RNNBase) and side == "in":
        return tuple(
            ChannelAxis(name, 1) for name in ("weight_ih_l0", "weight_ih_l0_reverse") if hasattr(module, name)
        ), ("input_size",)
    raise CannotCut(f"{type(module).__name__} cannot be cut")


def is_depthwise(module: nn.Module) -> bool:
    from torch.nn.modules.conv import _ConvNd

    return isinstance(module, _ConvNd) and 1 < module.groups == module.in_channels == module.out_channels


def _axes_of_convolution(
    module: nn.modules.conv._ConvNd, side: str
) -> tuple[tuple[ChannelAxis, ...], tuple[str, ...]]:
    bias = ChannelAxis("bias", 0)
    if is_depthwise(module):
        return (ChannelAxis("weight", 0), bias), ("out_channels", "in_channels", "groups")
    first = "in" if module.transposed else "out"
    counts = {"out": module.out_channels, "in": module.in_channels}
    period = counts[side] // module.groups if module.groups > 1 else 0
    weight = ChannelAxis("weight", 0) if side == first else ChannelAxis("weight", 1, period)
    return ((weight, bias) if side == "out" else (weight,)), (f"{side}_channels",)


def apply_history(module: nn.Module, history: History) -> None:
    """Cut `module` in place. Raises `CannotCut`."""
    steps = [(_owner(module, cut), cut) for cut in history.cuts]
    found = [(owner, cut, _axes(owner, cut)) for owner, cut in steps]
    for owner, cut, (axes, counts) in found:
        for axis in axes:
            _shorten(owner, axis, cut.removed)
        for name in counts:
            _count_down(owner, name, len(cut.removed))
    for setting in history.settings:
        setattr(module.get_submodule(setting.module), setting.attribute, setting.value)


def mask_history(module: nn.Module, history: History) -> None:
    """Set to zero, in place, what `apply_history` would cut away: the answer is that of the cut module."""
    import torch

    for cut in history.cuts:
        owner = _owner(module, cut)
        axes, _ = _axes(owner, cut)
        for axis in axes:
            tensor = getattr(owner, axis.tensor, None)
            if tensor is None or axis.tensor.startswith("running_"):
                continue
            with torch.no_grad():
                _zero(tensor, axis, cut.removed)


def _zero(tensor: Tensor, axis: ChannelAxis, removed: Iterable[int]) -> None:
    import torch

    tensor.index_fill_(axis.axis, torch.tensor(axis.places(removed)), 0.0)


def _owner(module: nn.Module, cut: Cut) -> nn.Module:
    name = cut.target.rpartition(".")[0] if cut.side == "parameter" else cut.target
    return split_on_the_way(module, name)


def _axes(owner: nn.Module, cut: Cut) -> tuple[tuple[ChannelAxis, ...], tuple[str, ...]]:
    if cut.side == "parameter":
        return (ChannelAxis(cut.target.rpartition(".")[2], cut.axis),), ()
    return axes_of(owner, cut.side)


def _shorten(owner: nn.Module, axis: ChannelAxis, removed: tuple[int, ...]) -> None:
    import torch
    from torch import nn

    tensor = getattr(owner, axis.tensor, None)
    if tensor is None:
        return
    gone = set(axis.places(removed))
    kept = torch.tensor([place for place in range(tensor.shape[axis.axis]) if place not in gone])
    shorter = tensor.detach().index_select(axis.axis, kept).contiguous()
    if isinstance(tensor, nn.Parameter):
        shorter = nn.Parameter(shorter, requires_grad=tensor.requires_grad)
    setattr(owner, axis.tensor, shorter)


def _count_down(owner: nn.Module, name: str, by: int) -> None:
    value = getattr(owner, name)
    setattr(owner, name, (value[0] - by,) if isinstance(value, tuple) else value - by)
