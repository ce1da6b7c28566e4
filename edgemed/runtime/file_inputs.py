"""One file as the inputs of a call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgemed.types import Acquisition, Manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgemed.readers import Notes


def inputs_of(
    path: Path, manifest: Manifest, notes: Notes | None = None
) -> tuple[dict[str, NDArray[Any]], Acquisition | None]:
    """The arrays of one sample and how they were taken, which the reader has compared with the contract.

    Raises what `read_file` raises.
    """
    from edgemed.readers import read_file

    acquisition = next((spec.acquisition for spec in manifest.inputs if spec.acquisition), None)
    return read_file(path, manifest.inputs, notes), acquisition
