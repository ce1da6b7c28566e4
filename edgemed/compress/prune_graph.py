"""Which channels of which layers hang together, found by torch-pruning's dependency graph.

torch-pruning reads the graph that autograd leaves behind and guesses where a reshape, a split or an unknown
operation takes the channels. So what it says is tried before it is believed (`removal_trial.py`), and only
its graph and its importance are used: the cuts are made by `channel_axes.py`.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from edgemed.compress.channel_axes import is_depthwise
from edgemed.compress.forward_outputs import outputs_of
from edgemed.compress.history import Cut, Side
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor, nn

_LOST = "torch-pruning cannot follow its channels"
_GIST = 120


@dataclass(frozen=True)
class Member:
    """Channel `places[i]` of `target` goes where channel `roots[i]` of the group goes."""

    target: str
    side: Side
    axis: int
    places: tuple[int, ...]
    roots: tuple[int, ...]

    def cut(self, roots: frozenset[int]) -> Cut:
        pairs = zip(self.places, self.roots, strict=True)
        return Cut(
            self.target, self.side, tuple(sorted({p for p, root in pairs if root in roots})), self.axis
        )


@dataclass(frozen=True)
class ChannelGroup:
    """`channels` channels that several layers share, with the importance of each.

    `layers` give them. Equal shares of them lie in each of `blocks` blocks (grouped convolution, GroupNorm).
    """

    layers: tuple[str, ...]
    members: tuple[Member, ...]
    channels: int
    blocks: int
    importance: tuple[float, ...]
    fault: str = ""
    """Why none of them may go."""

    def cuts(self, roots: frozenset[int]) -> tuple[Cut, ...]:
        return tuple(cut for cut in (member.cut(roots) for member in self.members) if cut.removed)

    def least_important(self, count: int) -> frozenset[int]:
        """`count` channels, the same places in each block."""
        width = self.channels // self.blocks
        scores = [sum(self.importance[place::width]) for place in range(width)]
        order = sorted(range(width), key=lambda place: (scores[place], place))[: count // self.blocks]
        return frozenset(block * width + place for block in range(self.blocks) for place in order)


def channel_groups(module: nn.Module, example: Mapping[str, Tensor]) -> tuple[ChannelGroup, ...]:
    """The groups of convolutions and linear layers of `module`, a copy that this changes.

    Importance is the mean over the layers of a group of their squared weights of a channel, whose mean over
    the channels is 1 (Fang et al. 2023, DepGraph).
    Raises `BadInput` for a net that torch-pruning cannot read.
    """
    import torch

    from edgemed.compress.recurrent_stand_in import stand_in_everywhere

    for parameter in stand_in_everywhere(module).parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    with warnings.catch_warnings(), torch.enable_grad():
        warnings.simplefilter("ignore")
        import torch_pruning

        try:
            graph = torch_pruning.DependencyGraph().build_dependency(
                module,
                example_inputs=dict(example),
                forward_fn=lambda net, inputs: net(**inputs),
                # an operation of its own behind a layer: else torch-pruning does not see that it is an output
                output_transform=lambda value: [
                    leaf * 1.0 for leaf in outputs_of(value) if leaf.requires_grad
                ],
                verbose=False,
            )
        except Exception as error:
            raise BadInput(
                f"torch-pruning {version('torch-pruning')} cannot read this net: {error}",
                where="prune",
                remedy="leave prune out",
            ) from error
        return tuple(_groups(graph, torch_pruning.importance.GroupMagnitudeImportance(p=2)))


def _groups(graph: Any, weigh: Callable[[Any], Any]) -> Iterator[ChannelGroup]:
    """As torch-pruning's own loop over groups, which ends at the first that it cannot follow."""
    names = _names(graph.model) | {id(parameter): name for name, parameter in graph.model.named_parameters()}
    seen: set[str] = set()
    for part in list(graph.module2node):
        name = names.get(id(part))
        if name is None or name in seen or not _gives_channels(part):
            continue
        pruner = graph.get_pruner_of_module(part)
        try:
            items = graph.get_pruning_group(
                part, pruner.prune_out_channels, list(range(pruner.get_out_channels(part)))
            )
        except Exception as error:  # noqa: BLE001  whatever it stumbles over, this layer stays and tells it
            gist = str(error).strip().partition("\n")[0][:_GIST]
            yield ChannelGroup((name,), (), 0, 1, (), f"{_LOST} ({type(error).__name__}: {gist})")
            continue
        group = _group(items, graph, names, weigh)
        seen |= set(group.layers)
        yield group


def _group(items: Any, graph: Any, names: Mapping[int, str], weigh: Callable[[Any], Any]) -> ChannelGroup:
    modules: dict[str, nn.Module] = {names[id(part)]: part for part in graph.model.modules()}
    channels, members, blocks, layers = len(items[0].idxs), [], [1], []
    fault = ""
    for item in items:
        node = item.dep.target
        if type(node.module).__name__ == "_OutputOp":
            fault = "its channels reach an output"
        name = names.get(id(node.module))
        if name is None:
            continue
        member = _member(item, name, graph.is_out_channel_pruning_fn(item.dep.handler))
        members.append(member)
        part = modules.get(name)
        if part is not None and len(member.places) == channels:
            blocks.append(_blocks(part))
        if part is not None and member.side == "out" and _gives_channels(part):
            layers.append(name)
    importance = None
    if not fault:
        with contextlib.suppress(IndexError, RuntimeError):  # where it has followed channels to wrong places
            importance = weigh(items)
    if importance is None or len(importance) != channels:
        fault = fault or _LOST
        importance = [0.0] * channels
    return ChannelGroup(
        tuple(dict.fromkeys(layers)),
        tuple(members),
        channels,
        math.lcm(*blocks),
        tuple(value if math.isfinite(value) else 0.0 for value in map(float, importance)),
        fault,
    )


def _names(module: nn.Module) -> dict[int, str]:
    """Names of modules; the layer in a stand-in has the stand-in's."""
    from edgemed.compress.recurrent_stand_in import RecurrentStandIn

    names = {id(part): name for name, part in module.named_modules()}
    stand_ins = [part for part in module.modules() if isinstance(part, RecurrentStandIn)]
    return names | {id(part.layer): names[id(part)] for part in stand_ins}


def _member(item: Any, name: str, gives: bool) -> Member:
    from torch import nn

    node = item.dep.target
    places, roots = tuple(item.idxs), tuple(item.root_idxs)
    if isinstance(node.module, nn.Parameter):
        return Member(name, "parameter", node.pruning_dim % node.module.dim(), places, roots)
    return Member(name, "out" if gives else "in", 0, places, roots)


def _blocks(part: nn.Module) -> int:
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    if isinstance(part, nn.GroupNorm):
        return part.num_groups
    return part.groups if isinstance(part, _ConvNd) and not is_depthwise(part) else 1


def _gives_channels(part: nn.Module) -> bool:
    from torch import nn
    from torch.nn.modules.conv import _ConvNd

    return isinstance(part, (_ConvNd, nn.Linear, nn.Embedding))
