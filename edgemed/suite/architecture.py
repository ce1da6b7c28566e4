"""Architecture: a net of the speed suite, with random weights."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgemed.errors import BadInput
from edgemed.types import InputSpec, did_you_mean

if TYPE_CHECKING:
    from torch import nn

_PICTURE = (InputSpec("image", "float32", (3, 224, 224), "CHW"),)
_SEQUENCE = (InputSpec("sequence", "float32", (128, 2), "LC"),)

# name: module and factory in edgemed.suite.nets, inputs
_KNOWN: dict[str, tuple[str, str, tuple[InputSpec, ...]]] = {
    "cnn1d": ("small", "Cnn1d", (InputSpec("signal", "float32", (2, 1024), "CL"),)),
    "resnet1d": ("small", "ResNet1d", (InputSpec("signal", "float32", (2, 4096), "CL"),)),
    "resnet18": ("resnet", "resnet18", _PICTURE),
    "resnet50": ("resnet", "resnet50", _PICTURE),
    "densenet121": ("densenet", "DenseNet121", _PICTURE),
    "cnn3d": ("small", "Cnn3d", (InputSpec("volume", "float32", (1, 64, 64, 64), "CDHW"),)),
    "efficientnet_b0": ("inverted", "efficientnet_b0", _PICTURE),
    "mobilenet_v3": ("inverted", "mobilenet_v3", _PICTURE),
    "deit_tiny": ("deit", "DeiT", _PICTURE),
    "gru": ("small", "gru", _SEQUENCE),
    "lstm": ("small", "lstm", _SEQUENCE),
    "fusion": (
        "small",
        "Fusion",
        (InputSpec("image", "float32", (1, 64, 64), "CHW"), InputSpec("table", "float32", (16,))),
    ),
}


@dataclass(frozen=True)
class Architecture:
    """`module` is an `nn.Module` in eval mode whose forward takes `inputs` in order, and gives logits.

    Pictures of 224x224 give (N, 1000), the small nets (N, 1).
    """

    name: str
    module: nn.Module
    inputs: tuple[InputSpec, ...]


def names() -> tuple[str, ...]:
    """Names that `build` knows."""
    return tuple(_KNOWN)


def build(name: str, seed: int = 0, width: float = 1.0) -> Architecture:
    """The net `name` with seeded random weights and BatchNorm statistics that fit `draw`'s samples.

    `width` scales the channels: 1 is the published net, 0.5 has half the channels. torch's global random
    state is left as it was. Raises `BadInput` for an unknown name or a width that is not above 0.
    """
    import torch

    if name not in _KNOWN:
        raise BadInput(f"unknown architecture {name!r}", where="suite", remedy=did_you_mean(name, _KNOWN))
    if not width > 0.0:
        raise BadInput(f"width {width} is not above 0", where=f"suite.{name}")
    file, factory, inputs = _KNOWN[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: nn.Module = getattr(import_module(f"edgemed.suite.nets.{file}"), factory)(width=width)
    _settle(module, draw(inputs, 8, seed))
    return Architecture(name, module.eval(), inputs)


def draw(inputs: tuple[InputSpec, ...], count: int, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Seeded synthetic samples, float32 (count, *shape) by input name, of variance about 1.

    Channels are smooth fields plus white noise, with their own mean and contrast: a net that averages over
    all positions cannot tell one white noise from another.
    """
    random = np.random.default_rng(seed)
    samples = {}
    for spec in inputs:
        array = random.standard_normal((count, *spec.shape), dtype=np.float32)
        if spec.layout:
            axes = [1 + i for i, letter in enumerate(spec.layout) if letter != "C"]
            shape = tuple(1 if i in axes else n for i, n in enumerate(array.shape))
            array *= random.uniform(0.1, 0.6, shape).astype(np.float32)
            for axis in axes:
                turns = random.uniform(0.5, 8.0, shape) * np.linspace(0.0, 1.0, array.shape[axis]).reshape(
                    [-1 if i == axis else 1 for i in range(array.ndim)]
                )
                phase = random.uniform(0.0, 1.0, shape)
                array += np.sin(2.0 * np.pi * (turns + phase)).astype(np.float32)
            array += random.normal(0.0, 0.5, shape).astype(np.float32)
        samples[spec.name] = array
    return samples


def save_pt2(architecture: Architecture, path: Path) -> Path:
    """Write the net to `path` (.pt2, torch.export) with one symbolic batch axis for all inputs."""
    import torch
    from torch.export import Dim

    batch = Dim("batch", min=1, max=1024)
    arguments = tuple(torch.from_numpy(array) for array in draw(architecture.inputs, 2).values())
    program = torch.export.export(
        architecture.module, arguments, dynamic_shapes=tuple({0: batch} for _ in arguments)
    )
    torch.export.save(program, path)
    return path


def _settle(module: nn.Module, samples: dict[str, NDArray[np.float32]]) -> None:
    """Set BatchNorm statistics to the mean over a few small training passes, so that activations are sane."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    module.train()
    with torch.no_grad():
        for start in range(0, 8, 4) if norms else ():
            module(*(torch.from_numpy(array[start : start + 4]) for array in samples.values()))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
