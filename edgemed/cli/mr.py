"""`edgemed mr`: commands for raw MR signals."""

from __future__ import annotations

import click

from edgemed.cli.group import EdgemedGroup
from edgemed.cli.mr_decays import decays
from edgemed.cli.mr_simulate import simulate
from edgemed.cli.mr_stress import stress
from edgemed.cli.mr_train import train


@click.group(
    cls=EdgemedGroup,
    epilog="""\b
Examples:
  edgemed mr simulate imrd-easy -o signals
  edgemed mr train signals/train.npz --validate signals/validate.npz --label lesion
  edgemed mr stress out imrd-easy""",
)
def mr() -> None:
    """Raw MR signals, with no image reconstructed: simulate them, train on them, and put what a compile made
    of a model under stress.

    A scanner's own files (.h5 or .mrd of MRD version 1, MaRGE's .mat) need no command: name them in a table
    that a recipe's sets point to, with the layout TESKQ. A relaxometer's real-valued decays need `decays`.
    """


mr.add_command(decays)
mr.add_command(simulate)
mr.add_command(stress)
mr.add_command(train)
