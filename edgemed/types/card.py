"""CardSpec: what only the makers of a model can say of it."""

from __future__ import annotations

from edgemed.types.record import Record


class CardSpec(Record):
    """`[card]`: ships as it is, in the bundle's model card. Nothing is computed from it."""

    intended_use: str = ""
    """What is to be decided by it, of whom, by whom."""
    out_of_scope: str = ""
    trained_on: str = ""
    limitations: str = ""
    contact: str = ""
    licence: str = ""
    """Of the model: an SPDX licence expression, such as `CC-BY-4.0` or `LicenseRef-Proprietary`."""
    licence_files: tuple[str, ...] = ()
    """Their texts, which ship too."""
