"""click commands: parse, call, print, exit code; no decisions. One file per command."""

from __future__ import annotations

import click

from edgemed import __version__
from edgemed.cli.bench import bench
from edgemed.cli.claim import claim
from edgemed.cli.compile import compile_
from edgemed.cli.demo import demo
from edgemed.cli.doctor import doctor
from edgemed.cli.group import EdgemedGroup
from edgemed.cli.init import init
from edgemed.cli.inspect import inspect
from edgemed.cli.judge import judge
from edgemed.cli.mr import mr
from edgemed.cli.pack import pack
from edgemed.cli.package import package
from edgemed.cli.power import power
from edgemed.cli.run import run
from edgemed.cli.sign import keygen, sign
from edgemed.cli.targets import targets
from edgemed.cli.verify import verify


@click.group(
    cls=EdgemedGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 2 bad input, 3 nothing was proven not worse than the original, 4 a tool or "
    "the machine failed, 5 an artefact or a bundle is not what its manifest says, or nobody trusted signed "
    "it, 130 interrupted (finished stages of a compile are kept). With --json an error is {error: {problem, "
    "where, next}, exit_code} on standard output.",
)
@click.version_option(__version__, prog_name="edgemed")
def cli() -> None:
    """From a trained medical classifier to a verified artefact for a point-of-care device.

    edgemed is a tool for engineers, not a medical device.

    \b
    Start with:
      edgemed init -m model.onnx --calibrate images/
      edgemed compile recipe.toml
    """


for command in (
    init, compile_, run, bench, inspect, judge, power, claim, pack, keygen, sign, verify, package, mr,
    targets, doctor, demo,
):  # fmt: skip
    cli.add_command(command)

__all__ = ["cli"]
