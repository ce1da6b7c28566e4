"""SplitAttention: `nn.MultiheadAttention` whose heads may be fewer than its channels would hold.

Imported inside functions only: it needs torch to be defined.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class SplitAttention(nn.Module):
    """Takes the place, the arguments and the weights of an `nn.MultiheadAttention` without bias_k and bias_v.

    Queries, keys and values come from layers of their own, of `num_heads` times `head_dim` outputs, which
    need not be as many as the channels of the query (`embed_dim`).
    """

    in_proj_weight: None = None
    in_proj_bias: None = None
    _qkv_same_embed_dim = False
    """With these, `nn.TransformerEncoderLayer` takes its plain path."""

    def __init__(self, original: nn.MultiheadAttention) -> None:
        super().__init__()
        self.num_heads = original.num_heads
        self.head_dim = original.head_dim
        self.batch_first = original.batch_first
        self.dropout = original.dropout
        weights: tuple[Tensor, ...] = (original.q_proj_weight, original.k_proj_weight, original.v_proj_weight)
        if original._qkv_same_embed_dim:
            weights = original.in_proj_weight.chunk(3)
        biases = (None, None, None) if original.in_proj_bias is None else original.in_proj_bias.chunk(3)
        self.q_proj, self.k_proj, self.v_proj = (
            _linear(weight, bias) for weight, bias in zip(weights, biases, strict=True)
        )
        self.out_proj = _linear(original.out_proj.weight, original.out_proj.bias)
        self.train(original.training)

    @property
    def embed_dim(self) -> int:
        return self.q_proj.in_features

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As `nn.MultiheadAttention.forward`; without a batch axis too."""
        batched = query.dim() == 3
        if not batched:
            query, key, value = (x.unsqueeze(0) for x in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (
            layer(x).unflatten(2, (self.num_heads, self.head_dim)).transpose(1, 2)
            for layer, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        scores = q @ k.transpose(2, 3) * self.head_dim**-0.5
        if attn_mask is not None:
            if attn_mask.dim() == 3:
                attn_mask = attn_mask.view(q.shape[0], -1, *attn_mask.shape[1:])
            scores = scores + _additive(attn_mask, scores)
        if key_padding_mask is not None:
            scores = scores + _additive(key_padding_mask, scores)[:, None, None]
        weights = torch.softmax(scores, -1)
        mixed = functional.dropout(weights, self.dropout, self.training) @ v
        answer = self.out_proj(mixed.transpose(1, 2).flatten(2))
        shown = weights.mean(1) if average_attn_weights else weights
        if not batched:
            answer, shown = answer.squeeze(0), shown.squeeze(0)
        elif not self.batch_first:
            answer = answer.transpose(0, 1)
        return answer, shown if need_weights else None


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, device="meta")
    layer.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone())
    return layer


def _additive(mask: Tensor, scores: Tensor) -> Tensor:
    """True means: not seen."""
    if mask.dtype != torch.bool:
        return mask.to(scores.dtype)
    return torch.zeros_like(mask, dtype=scores.dtype).masked_fill(mask, float("-inf"))
