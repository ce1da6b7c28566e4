"""RemovalTrial: does the net without some channels answer as the whole net does with them set to zero?"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.compress.channel_axes import CannotCut, apply_history, mask_history
from edgemed.compress.forward_outputs import outputs_of
from edgemed.compress.history import History
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor, nn

_TOLERANCE = {"float64": 1e-9, "float32": 1e-4}
"""Of the answer's largest value: rounding of sums in another order."""


class RemovalTrial:
    """Compares nets on `example` and on its first row, in double precision where the net can.

    Norms that mix channels answer with the mean and the variance that the whole net has there: with those
    of their own, fewer channels would give another answer although the right ones were cut.
    """

    def __init__(self, module: nn.Module, example: Mapping[str, Tensor]) -> None:
        """`module` in eval mode; it is copied.

        Raises what the module's forward raises on `example`, and `BadInput` where it gives the same answer to
        all samples, as a saturated sigmoid does: then a wrong cut would change nothing either.
        """
        self._module = copy.deepcopy(module)
        rows = [dict(example), {name: value[:1] for name, value in example.items()}]
        self._precision, self._batches = "float32", rows
        double = [
            {name: value.double() if value.is_floating_point() else value for name, value in batch.items()}
            for batch in rows
        ]
        whole = copy.deepcopy(self._module)
        try:
            self._answers, self._norms = _run(whole.double(), double, None)
        except Exception:  # noqa: BLE001  whatever the user's forward raises in double
            self._answers, self._norms = _run(self._module, rows, None)
        else:
            self._module, self._precision, self._batches = whole, "float64", double
        samples = len(next(iter(example.values())))
        whole_batch = self._answers[: len(self._answers) // len(rows)]
        if samples > 1 and not self._difference(whole_batch, [answer.roll(1, 0) for answer in whole_batch]):
            raise BadInput(
                f"the net gives the same answer to {samples} samples: what is cut cannot be checked",
                where="prune",
                remedy="check that the samples fit the model, or prune it without its sigmoid",
            )

    def problem(self, history: History) -> str:
        """Why `history` must not be applied; "" where it may be."""
        masked, cut = copy.deepcopy(self._module), copy.deepcopy(self._module)
        try:
            mask_history(masked, history)
            apply_history(cut, history)
        except CannotCut as error:
            return str(error)
        except IndexError:
            return "torch-pruning follows its channels to places that are none"
        expected, _ = _run(masked, self._batches, self._norms)
        try:
            found, _ = _run(cut, self._batches, self._norms)
        except Exception as error:  # noqa: BLE001  whatever the user's forward raises
            return f"the net does not run without its channels: {_told(error)}"
        return self._difference(expected, found)

    def split_problem(self, split: nn.Module) -> str:
        """Whether `split`, a rewritten copy of the module, answers as the module does."""
        other = copy.deepcopy(split)
        found, _ = _run(other.double() if self._precision == "float64" else other, self._batches, None)
        return self._difference(self._answers, found)

    def _difference(self, expected: Sequence[Tensor], found: Sequence[Tensor]) -> str:
        for before, after in zip(expected, found, strict=False):
            if before.shape != after.shape:
                return "its channels reach an output"
            if not before.is_floating_point():
                continue
            largest = float(before.abs().max()) or 1.0
            if not float((before - after).abs().max()) <= _TOLERANCE[self._precision] * largest:
                return "the layers behind it take its channels by place: without some, others would move up"
        return "" if len(expected) == len(found) else "the net gives another number of outputs"


def _run(
    module: nn.Module, batches: Sequence[Mapping[str, Tensor]], norms: Sequence[Any] | None
) -> tuple[list[Tensor], list[Any]]:
    """The outputs of all batches, and the statistics of each norm's call, those of `norms` where given."""
    import torch

    from edgemed.compress.fixed_norms import FixedNorms

    mode = FixedNorms(norms)
    with torch.no_grad(), torch.random.fork_rng(devices=[]), mode:
        answers = [leaf for batch in batches for leaf in outputs_of(module(**batch))]
    return answers, mode.statistics


def _told(error: Exception) -> str:
    """The error's first line, and the innermost line of code that is not torch's."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename and Path(frame.filename).parent != Path(__file__).parent
    ]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno}: {frames[-1].line})" if frames else ""
    return (lines[0] if lines else type(error).__name__) + where
