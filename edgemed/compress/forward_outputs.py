"""outputs_of: the tensors in what a forward gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def outputs_of(value: object) -> list[Tensor]:
    """In the order of `value`: a tensor, or lists, tuples and dicts of them."""
    from torch import Tensor
    from torch.utils import _pytree as pytree

    return [leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor)]
