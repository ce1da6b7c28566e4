"""Plain weights: what a norm or a mask computes at each call, written down once, so that it can be cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgemed.compress.forward_outputs import outputs_of
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor, nn

_ROUNDING = 1e-5
"""Of the answer's largest value."""


def make_weights_plain(module: nn.Module) -> tuple[str, ...]:
    """Replace, in place, each weight that is computed at every call by its value; gives the layers' names.

    Such are those of `weight_norm` and `spectral_norm`, old and new, masks of `torch.nn.utils.prune`, and
    other parametrizations. `module` is in eval mode, in which they do not change.
    """
    from torch.nn.utils.parametrize import is_parametrized
    from torch.nn.utils.prune import BasePruningMethod
    from torch.nn.utils.prune import remove as remove_mask
    from torch.nn.utils.spectral_norm import SpectralNorm, remove_spectral_norm
    from torch.nn.utils.weight_norm import WeightNorm, remove_weight_norm

    found = []
    for name, part in list(module.named_modules()):
        for hook in list(part._forward_pre_hooks.values()):
            if isinstance(hook, WeightNorm):
                remove_weight_norm(part, hook.name)
            elif isinstance(hook, SpectralNorm):
                remove_spectral_norm(part, hook.name)
            elif isinstance(hook, BasePruningMethod):
                remove_mask(part, hook._tensor_name)  # type: ignore[no-untyped-call]
            else:
                continue
            found.append(name)
        if is_parametrized(part):
            _unparametrise(part)
            found.append(name)
    return tuple(dict.fromkeys(found))


def _unparametrise(part: nn.Module) -> None:
    """Not by torch's `remove_parametrizations`, which breaks every copy of `part`: they share their class."""
    import torch
    from torch import nn
    from torch.nn.utils.parametrize import type_before_parametrizations

    assert isinstance(part.parametrizations, nn.ModuleDict)
    with torch.no_grad():
        values = {name: getattr(part, name).clone() for name in part.parametrizations}
    part.__class__ = type_before_parametrizations(part)
    del part.parametrizations
    for name, value in values.items():
        setattr(part, name, nn.Parameter(value))


def check_plain_weights(module: nn.Module, example: Mapping[str, Tensor]) -> None:
    """`make_weights_plain` on `module`, which must then answer to `example` as before.

    Raises `BadInput`, with the layers' names, where it does not: a weight that is drawn at random is one; and
    for a net that gives NaN, or another answer at each call though it has no such layers.
    """
    before = _answers(module, example)
    found = make_weights_plain(module)
    after = _answers(module, example)
    for one, other in zip(before, after, strict=True):
        if not float((one - other).abs().max()) <= _ROUNDING * float(one.abs().max()):
            if not found:
                raise BadInput(
                    "the net gives two answers to the same input, or NaN",
                    where="prune",
                    remedy="switch off what is random in it (dropout, noise), and check the samples",
                )
            raise BadInput(
                f"the net answers otherwise once the weights of {', '.join(found)} are written down",
                where="prune",
                remedy="give these layers plain weights in the factory, or leave prune out",
            )


def _answers(module: nn.Module, example: Mapping[str, Tensor]) -> list[Tensor]:
    import torch

    with torch.no_grad():
        return [leaf.double() for leaf in outputs_of(module(**example))]
