"""Attention heads: where an attention keeps them, and an attention that can lose some."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgemed.compress.history import Cut, History, Setting

if TYPE_CHECKING:
    from torch import nn

_COUNTS = ("num_heads", "n_heads", "heads", "n_head", "nhead", "num_attention_heads")
_JOINT = ("qkv", "to_qkv", "in_proj", "c_attn", "qkv_proj")
_SEPARATE = (
    ("q_proj", "k_proj", "v_proj"),
    ("query", "key", "value"),
    ("to_q", "to_k", "to_v"),
    ("q", "k", "v"),
    ("wq", "wk", "wv"),
    ("q_linear", "k_linear", "v_linear"),
)
_LAST = ("proj", "out_proj", "out", "o_proj", "to_out", "to_out.0", "c_proj", "wo", "dense", "output.dense")
_WIDTHS = ("all_head_size", "inner_dim", "attn_dim", "embed_dim", "dim", "hidden_size", "d_model")
"""Attributes that may hold heads times channels of a head."""


@dataclass(frozen=True)
class Heads:
    """The attention `module`: `producers` make the channels of its `count` heads, `width` each, from `inputs`
    channels, and `consumer` takes them.

    `joint`: one layer gives queries, keys and values. Its rows lie as (3, heads, channels), or as
    (heads, 3, channels) where `interleaved`.
    """

    module: str
    attribute: str
    count: int
    width: int
    inputs: int
    producers: tuple[str, ...]
    consumer: str
    joint: bool = False
    interleaved: bool = False
    widths: tuple[str, ...] = ()
    """Attributes of `module` that hold count times width."""

    def rows(self, head: int) -> list[int]:
        """Outputs of each producer that belong to `head`."""
        block = range(self.width)
        if not self.joint:
            return self.columns(head)
        if self.interleaved:
            return [head * 3 * self.width + i for i in range(3 * self.width)]
        return [(part * self.count + head) * self.width + i for part in range(3) for i in block]

    def columns(self, head: int) -> list[int]:
        """Inputs of the consumer that belong to `head`."""
        return [head * self.width + i for i in range(self.width)]

    def without(self, removed: list[int]) -> History:
        rows = tuple(sorted(row for head in removed for row in self.rows(head)))
        columns = tuple(sorted(column for head in removed for column in self.columns(head)))
        left = self.count - len(removed)
        settings = [Setting(self.module, self.attribute, left)]
        settings += [Setting(self.module, name, left * self.width) for name in self.widths]
        cuts = [Cut(name, "out", rows) for name in self.producers] + [Cut(self.consumer, "in", columns)]
        return History(tuple(cuts), tuple(settings))

    def importance(self, module: nn.Module) -> list[float]:
        """Sum of the squared weights of each head."""
        givers = [module.get_parameter(f"{name}.weight").detach() for name in self.producers]
        taker = module.get_parameter(f"{self.consumer}.weight").detach()
        return [
            sum(float(weight[self.rows(head)].square().sum()) for weight in givers)
            + float(taker[:, self.columns(head)].square().sum())
            for head in range(self.count)
        ]


def find_heads(module: nn.Module) -> Iterator[tuple[Heads, ...]]:
    """For each attention, the ways in which its heads may lie; which of them holds, a trial tells.

    An attention is a module that counts its heads in an attribute and holds `nn.Linear` layers for queries,
    keys and values, and one behind them, under one of the usual names.
    """
    from torch import nn

    for name, owner in module.named_modules():
        linear = {child: part for child, part in owner.named_modules() if isinstance(part, nn.Linear)}
        attribute = next((a for a in _COUNTS if type(getattr(owner, a, None)) is int), "")
        count = getattr(owner, attribute, 0)
        separate = [names for names in _SEPARATE if linear.keys() >= set(names)]
        makers = (*separate, *((child,) for child in _JOINT if child in linear))
        takers = [child for child in _LAST if child in linear]
        if count < 2 or not makers or not takers:
            continue
        inner, parts = linear[takers[0]].in_features, 1 if separate else 3
        if inner % count or any(linear[child].out_features != parts * inner for child in makers[0]):
            continue
        prefix = f"{name}." if name else ""
        widths = tuple(a for a in _WIDTHS if getattr(owner, a, None) == inner)
        yield tuple(
            Heads(
                name,
                attribute,
                count,
                inner // count,
                linear[makers[0][0]].in_features,
                tuple(prefix + child for child in makers[0]),
                prefix + takers[0],
                parts == 3,
                interleaved,
                held,
            )
            for interleaved in ((False,) if separate else (False, True))
            for held in dict.fromkeys(((), *((a,) for a in widths), widths))
        )


def split_on_the_way(module: nn.Module, name: str) -> nn.Module:
    """The submodule `name`. An `nn.MultiheadAttention` that it is a part of is replaced by one to be cut."""
    from torch import nn

    parts = name.split(".") if name else []
    owner = module
    for index, part in enumerate(parts):
        child = getattr(owner, part)
        if isinstance(child, nn.MultiheadAttention) and index < len(parts) - 1:
            child = split_attention(child)
            setattr(owner, part, child)
        owner = child
    return owner


def split_all(module: nn.Module) -> None:
    """Replace every `nn.MultiheadAttention` in `module` by one that can be cut."""
    from torch import nn

    for name, child in list(module.named_modules()):
        if name and isinstance(child, nn.MultiheadAttention) and _can_split(child):
            owner, _, part = name.rpartition(".")
            setattr(module.get_submodule(owner), part, split_attention(child))


def _can_split(attention: nn.MultiheadAttention) -> bool:
    return attention.bias_k is None and attention.bias_v is None and not attention.add_zero_attn


def split_attention(attention: nn.MultiheadAttention) -> nn.Module:
    """The same computation, with weights of its own for queries, keys and values."""
    from edgemed.compress.split_attention import SplitAttention

    return SplitAttention(attention)
