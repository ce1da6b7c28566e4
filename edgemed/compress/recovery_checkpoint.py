"""RecoveryCheckpoint: where a recovery has got to, on disk, so that it can be taken up there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.disk import disk_failure, flush_one
from edgemed.errors import BadInput
from edgemed.types import Record

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

_STATE = "state"
"""Name of the metadata entry that holds the progress as JSON."""


class Progress(Record):
    """`depends_on` is the digest of what the recovery depends on; losses are of the watching samples,
    None where not finite.

    `epoch` and `step` (in that epoch, and counted from the start of the recovery in `steps`) come next.
    `planned` are the epochs that its budget has room for.
    """

    depends_on: str
    loss_pruned: float | None
    loss_batch_norm: float | None
    loss_start: float
    best_loss: float
    steps_an_epoch: int
    planned: int
    best_epoch: int = 0
    epoch: int = 1
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    losses: tuple[float | None, ...] = ()
    plans: tuple[int, ...] = ()
    """`planned` as it was behind each epoch."""
    rising: int = 0
    lowered: bool = False
    diverged: bool = False


@dataclass(frozen=True)
class RecoveryCheckpoint:
    """A safetensors file: `net/`, `best/` and `optimiser/` tensors, `Progress` in the metadata. No pickle."""

    path: Path

    def save(
        self, progress: Progress, net: nn.Module, best: Mapping[str, Tensor], optimiser: Optimizer
    ) -> None:
        """Written beside and renamed: an interruption leaves the one before.

        Raises `ToolFailure` where it cannot be written, `DiskFull` where there is no space.
        """
        from safetensors.torch import save

        tensors = {f"net/{name}": value for name, value in net.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in best.items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{name}": value for name, value in state.items()}
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        copies = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
        try:
            # not by save_file, which tells no cause that a program could read
            temporary.write_bytes(save(copies, {_STATE: json.dumps(progress.to_dict())}))
            flush_one(temporary)
            temporary.replace(self.path)
        except OSError as error:
            raise disk_failure(error, self.path.parent) from error
        finally:
            temporary.unlink(missing_ok=True)

    def load(
        self, depends_on: str, net: nn.Module, optimiser: Optimizer
    ) -> tuple[Progress, dict[str, Tensor]] | None:
        """Fill `net` and `optimiser`; gives the progress and the best state. None where there is no file.

        Raises `BadInput` where the file cannot be used: then neither is changed.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                progress = Progress.from_json((file.metadata() or {}).get(_STATE, ""))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, BadInput) as error:
            raise BadInput(f"the checkpoint cannot be read: {error}", where=str(self.path)) from None
        if progress.depends_on != depends_on:
            raise BadInput("the checkpoint is of another recovery", where=str(self.path))
        try:
            _fill(net, optimiser, tensors)
        except (RuntimeError, KeyError, ValueError) as error:
            raise BadInput(f"the checkpoint does not fit: {error}", where=str(self.path)) from None
        return progress, _part(tensors, "best/")


def copy_of_state(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def digest_of_state(state: Mapping[str, Tensor]) -> str:
    """sha256 of names, types, shapes and values."""
    sha = hashlib.sha256()
    for name, value in sorted(state.items()):
        sha.update(f"{name}:{value.dtype}:{tuple(value.shape)};".encode())
        sha.update(value.contiguous().numpy().tobytes())
    return sha.hexdigest()


def _fill(net: nn.Module, optimiser: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    own = {name: value.shape for name, value in net.state_dict().items()}
    for part in ("net/", "best/"):
        if {name: value.shape for name, value in _part(tensors, part).items()} != own:
            raise ValueError("its tensors are not the net's")
    states: dict[int, dict[str, Any]] = {}
    for name, value in _part(tensors, "optimiser/").items():
        index, _, key = name.partition("/")
        states.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": states})
    net.load_state_dict(_part(tensors, "net/"))


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
