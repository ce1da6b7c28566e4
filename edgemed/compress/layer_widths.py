"""LayerWidths: how many channels go into and come out of each layer, and what pruning has changed in that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgemed.compress.attention_heads import Heads, split_on_the_way
from edgemed.types import LayerChange

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class LayerWidths:
    """Of a layer; `op` is its class."""

    op: str
    outputs: int
    inputs: int


def layer_widths(module: nn.Module) -> dict[str, LayerWidths]:
    """By name, the layers with channels of their own: convolutions, linear, embedding and recurrent layers,
    and `nn.MultiheadAttention`."""
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    widths = {}
    for name, part in module.named_modules():
        op = type(part).__name__
        if isinstance(part, _ConvNd):
            widths[name] = LayerWidths(op, part.out_channels, part.in_channels)
        elif isinstance(part, nn.Linear):
            widths[name] = LayerWidths(op, part.out_features, part.in_features)
        elif isinstance(part, nn.Embedding):
            widths[name] = LayerWidths(op, part.embedding_dim, part.num_embeddings)
        elif isinstance(part, nn.RNNBase):
            widths[name] = LayerWidths(op, part.hidden_size, part.input_size)
        elif isinstance(part, nn.MultiheadAttention):
            widths[name] = LayerWidths(op, part.embed_dim, part.embed_dim)
    return widths


def layer_changes(before: Mapping[str, LayerWidths], module: nn.Module) -> tuple[LayerChange, ...]:
    """Layers of `module` that have fewer channels than `before`."""
    after = layer_widths(module)
    return tuple(
        LayerChange(
            name, old.op, "channels", old.outputs, after[name].outputs, old.inputs, after[name].inputs
        )
        for name, old in before.items()
        if name in after and after[name] != old
    )


def head_changes(attentions: Iterable[Heads], module: nn.Module) -> tuple[LayerChange, ...]:
    """Attentions of `module` that have fewer heads than `attentions` tell."""
    from torch import nn

    changes = []
    for heads in attentions:
        left = getattr(split_on_the_way(module, heads.module), heads.attribute)
        first = split_on_the_way(module, heads.producers[0])
        assert isinstance(left, int)
        assert isinstance(first, nn.Linear)
        changes.append(
            LayerChange(
                heads.module, "attention", "heads", heads.count, left, heads.inputs, first.in_features
            )
        )
    return tuple(changes)
