"""RecurrentStandIn: a linear layer in the place of a recurrent one while torch-pruning reads the graph.

torch-pruning knows no GRU and cuts an LSTM wrongly. Imported inside functions only: it needs torch to be
defined.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RecurrentStandIn(nn.Module):
    """Gives outputs and states of the shapes of `original`'s, for a batch of sequences, from one `layer`.

    Its weights weigh each input as those of `original` do: what feeds it is pruned by them.
    """

    def __init__(self, original: nn.RNNBase) -> None:
        super().__init__()
        directions = 2 if original.bidirectional else 1
        self.layer = nn.Linear(original.input_size, original.hidden_size * directions)
        own = tuple(weight for name, weight in original.named_parameters() if name.startswith("weight_ih_l0"))
        with torch.no_grad():
            squares = torch.cat(own).double().square().sum(0)
            self.layer.weight.copy_((squares / self.layer.out_features).sqrt().expand_as(self.layer.weight))
            self.layer.bias.zero_()
        self._states = original.num_layers * directions
        self._hidden = original.hidden_size
        self._time_axis = 1 if original.batch_first else 0
        self._has_cell = isinstance(original, nn.LSTM)

    def forward(self, input: Tensor, state: object = None) -> tuple[Tensor, object]:
        outputs = self.layer(input)
        last = outputs.mean(self._time_axis)[None, :, : self._hidden]
        states = last.expand(self._states, -1, -1)
        return outputs, (states, states) if self._has_cell else states


def stand_in_everywhere(module: nn.Module) -> nn.Module:
    """Replace every recurrent layer inside `module`, under its name."""
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.RNNBase) and name:
            owner, _, own = name.rpartition(".")
            with torch.random.fork_rng(devices=[]):
                setattr(module.get_submodule(owner), own, RecurrentStandIn(part))
    return module
