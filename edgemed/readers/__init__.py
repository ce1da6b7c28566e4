"""Data in, one sample at a time: arrays, pictures, volumes and tables brought to a model's input contract.

A set is named by a reference, `PATH` or `PATH::key=value,key=value`; see `edgemed.readers.reference`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgemed.first_use import at_first_use

if TYPE_CHECKING:
    from edgemed.readers.description import (
        ArrayDescription as ArrayDescription,
    )
    from edgemed.readers.description import (
        SetDescription as SetDescription,
    )
    from edgemed.readers.description import (
        describe as describe,
    )
    from edgemed.readers.notes import Notes as Notes
    from edgemed.readers.opening import open_set as open_set
    from edgemed.readers.opening import read_file as read_file
    from edgemed.readers.raw import read_raw as read_raw
else:
    __getattr__ = at_first_use(
        __name__,
        {
            "description": "ArrayDescription SetDescription describe",
            "notes": "Notes",
            "opening": "open_set read_file",
            "raw": "read_raw",
        },
    )
