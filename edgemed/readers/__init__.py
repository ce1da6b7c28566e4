"""Data in, one sample at a time: arrays, pictures, volumes and tables brought to a model's input contract.

A set is named by a reference, `PATH` or `PATH::key=value,key=value`; see `edgemed.readers.reference`.
"""

from edgemed.readers.description import ArrayDescription, SetDescription, describe
from edgemed.readers.notes import Notes
from edgemed.readers.opening import open_set, read_file
from edgemed.readers.raw import read_raw

__all__ = ["ArrayDescription", "Notes", "SetDescription", "describe", "open_set", "read_file", "read_raw"]
