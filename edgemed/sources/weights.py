"""Weights for a factory: `.safetensors`, or `.pt`/`.pth` read as tensors only."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.errors import BadInput
from edgemed.sources.torch_program import quiet

if TYPE_CHECKING:
    import torch

NAMED = 3
"""How many keys a message names."""


def load_weights(module: torch.nn.Module, path: Path, shown: str) -> None:
    """Fill `module` strictly. Raises `BadInput` for an unsafe or damaged file and for keys that differ."""
    state = read_state_dict(path, shown)
    own = module.state_dict()
    problems = [
        *_listed("missing", [key for key in own if key not in state]),
        *_listed("unexpected", [key for key in state if key not in own]),
        *_listed(
            "of another shape",
            [
                f"{key} {list(state[key].shape)} for {list(own[key].shape)}"
                for key in own
                if key in state and state[key].shape != own[key].shape
            ],
        ),
    ]
    if problems:
        raise BadInput(
            f"{shown} does not fit the model: {'; '.join(problems)}",
            where="model.weights",
            remedy=_remedy(state, own),
        )
    module.load_state_dict(state, strict=True)


def read_state_dict(path: Path, shown: str) -> dict[str, torch.Tensor]:
    """Tensors by name. No code in the file is run."""
    import torch

    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _read_safetensors(path, shown)
    if suffix not in (".pt", ".pth"):
        raise BadInput(
            f"{shown!r} is not a file of weights",
            where="model.weights",
            remedy="give .safetensors, .pt or .pth",
        )
    try:
        with quiet():
            state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        what = f" ({found.group(1)})" if found else ""
        raise BadInput(
            f"{shown} is a pickle that would run code{what}; nothing in it was run",
            where="model.weights",
            remedy="save tensors only: torch.save(model.state_dict(), PATH), or better .safetensors",
        ) from None
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        if "TorchScript" in str(error):
            raise BadInput(
                f"{shown} is a TorchScript program, not a file of weights",
                where="model.weights",
                remedy="save its weights alone: torch.save(torch.jit.load(PATH).state_dict(), NEW_PATH)",
            ) from None
        raise _truncated(shown, error) from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadInput(
            f"{shown} is not a state dict",
            where="model.weights",
            remedy="save it with torch.save(model.state_dict(), PATH)",
        )
    return state


def _read_safetensors(path: Path, shown: str) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state: dict[str, torch.Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _truncated(shown, error) from None
    return state


def _truncated(shown: str, error: Exception) -> BadInput:
    lines = str(error).strip().splitlines()
    return BadInput(
        f"{shown} is truncated or not a file of weights ({lines[0] if lines else type(error).__name__})",
        where="model.weights",
        remedy="copy it again and compare its size with the original",
    )


def _listed(what: str, keys: list[str]) -> list[str]:
    if not keys:
        return []
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return [f"{what}: {', '.join(keys[:NAMED])}{more}"]


def _remedy(state: dict[str, Any], own: dict[str, Any]) -> str:
    for prefix in ("module.", "model."):
        if state and {key.removeprefix(prefix) for key in state} == set(own):
            return f"take the prefix {prefix!r} off the keys before saving"
    return "check factory_args and that the weights belong to this model"
