"""PrunePlan: which channels are to go, group by group, and which layers are left alone from the start."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgemed.compress.attention_heads import Heads, find_heads
from edgemed.compress.history import Cut, History, Side
from edgemed.compress.layer_widths import layer_widths
from edgemed.compress.prune_graph import ChannelGroup, channel_groups
from edgemed.compress.prune_ratio import PruneRatios, channels_kept
from edgemed.types import PruneSpec

if TYPE_CHECKING:
    from torch import Tensor, nn

_RECURRENT = "recurrent: its hidden units stay"
_WHOLE_ATTENTION = "its heads cannot be split (add_bias_kv, add_zero_attn, or another answer when they are)"


@dataclass(frozen=True)
class GroupRemoval:
    """Channels that go together from `layers`. Of several `ways` to cut them, one may be right."""

    layers: tuple[str, ...]
    ways: tuple[History, ...]
    heads: Heads | None = None


@dataclass
class PrunePlan:
    """`reasons` tells, by layer, why it is left alone."""

    removals: list[GroupRemoval] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)

    def leave(self, layers: Sequence[str], reason: str) -> None:
        for layer in layers:
            self.reasons.setdefault(layer, reason)


def plan_pruning(module: nn.Module, example: Mapping[str, Tensor], spec: PruneSpec) -> PrunePlan:
    """What `spec` asks of `module`, which is changed; an `nn.MultiheadAttention` in it is left alone.

    Raises `BadInput` for a ratio that empties a layer, and for an entry that names no layer.
    """
    plan = PrunePlan()
    unfit, layers = unfit_layers(module), layer_widths(module)
    attentions = list(find_heads(module))
    ratios = PruneRatios(spec, [*layers, *(ways[0].module for ways in attentions if ways[0].module)])
    in_heads = {producer for ways in attentions for producer in ways[0].producers}
    for ways in attentions:
        _plan_heads(plan, module, ways, ratios, spec.round_to, unfit)
    for group in channel_groups(module, example):
        if not in_heads & set(group.layers):
            _plan_channels(plan, group, ratios, spec.round_to, unfit)
    for layer in layers:
        if layer in unfit:
            plan.leave([layer], unfit[layer])
    return plan


def merged(histories: Sequence[History]) -> History:
    """One history: the union of all cuts of the same axis."""
    removed: dict[tuple[str, Side, int], set[int]] = {}
    for cut in (cut for history in histories for cut in history.cuts):
        key = (cut.target, cut.side, cut.axis)
        removed.setdefault(key, set()).update(cut.removed)
    cuts = tuple(
        Cut(target, side, tuple(sorted(gone)), axis) for (target, side, axis), gone in removed.items()
    )
    return History(cuts, tuple(setting for history in histories for setting in history.settings))


def unfit_layers(module: nn.Module) -> dict[str, str]:
    """By name, the layers that must stay as they are, and why."""
    from torch import nn

    owners: dict[int, list[str]] = {}
    reasons: dict[str, str] = {}
    for name, part in module.named_modules():
        for parameter in part.parameters(recurse=False):
            owners.setdefault(id(parameter), []).append(name)
        if isinstance(part, nn.RNNBase):
            reasons[name] = _RECURRENT
        elif isinstance(part, nn.MultiheadAttention):
            reasons |= dict.fromkeys((name, f"{name}.out_proj"), _WHOLE_ATTENTION)
    for names in owners.values():
        for name in names if len(names) > 1 else ():
            others = ", ".join(other for other in names if other != name)
            reasons.setdefault(name, f"it shares its weights with {others}")
    return reasons


def _plan_heads(
    plan: PrunePlan,
    module: nn.Module,
    ways: tuple[Heads, ...],
    ratios: PruneRatios,
    round_to: int,
    unfit: Mapping[str, str],
) -> None:
    heads = ways[0]
    layers = tuple(dict.fromkeys(name for name in (heads.module, *heads.producers) if name))
    step = round_to // math.gcd(round_to, heads.width)
    kept = channels_kept(heads.count, ratios.of(layers), step, layers[0], "heads")
    fault = next((unfit[name] for name in (*heads.producers, heads.consumer) if name in unfit), "")
    if fault:
        plan.leave(layers, fault)
        return
    if kept == heads.count:
        _leave_unchanged(plan, layers, ratios, f"its {heads.count} heads", step)
        return
    histories = []
    for way in ways:
        scores = way.importance(module)
        order = sorted(range(way.count), key=scores.__getitem__)
        histories.append(way.without(sorted(order[: way.count - kept])))
    plan.removals.append(GroupRemoval(layers, tuple(histories), heads))


def _plan_channels(
    plan: PrunePlan, group: ChannelGroup, ratios: PruneRatios, round_to: int, unfit: Mapping[str, str]
) -> None:
    if not group.layers:
        return
    if group.fault:
        plan.leave(group.layers, group.fault)
        return
    cut = {(member.target, member.side) for member in group.members}
    faults = {
        name: reason
        for name, reason in unfit.items()
        if (name, "out") in cut or (reason != _RECURRENT and (name, "in") in cut)
    }
    for name, reason in faults.items():
        plan.leave([name], reason)
        plan.leave(group.layers, f"it is tied to {name}: {reason}")
    if faults:
        return
    step = math.lcm(round_to, group.blocks)
    if group.channels % group.blocks:
        plan.leave(group.layers, f"its {group.channels} channels do not lie in {group.blocks} equal blocks")
        return
    kept = channels_kept(group.channels, ratios.of(group.layers), step, group.layers[0], "channels")
    if kept == group.channels:
        _leave_unchanged(plan, group.layers, ratios, f"its {group.channels} channels", step)
        return
    history = History(group.cuts(group.least_important(group.channels - kept)))
    plan.removals.append(GroupRemoval(group.layers, (history,)))


def _leave_unchanged(
    plan: PrunePlan, layers: Sequence[str], ratios: PruneRatios, what: str, step: int
) -> None:
    whole = [layer for layer in layers if ratios.of([layer]) == 0.0]
    plan.leave(whole, "the recipe gives it a ratio of 0")
    for layer in whole:
        plan.leave(layers, f"it shares its channels with {layer}, which the recipe gives a ratio of 0")
    plan.leave(layers, f"{what} stay when rounded to a multiple of {step}")
