"""The command group: every error of ours becomes a message and its exit code, never a traceback."""

from __future__ import annotations

import errno
import json
from typing import Any

import click

from edgemed.errors import EXIT_INTERRUPTED, EdgemedError, ToolFailure

_JSON = "edgemed.json"
_RESUMED = ("compile", "demo")


class EdgemedGroup(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EdgemedError as error:
            _tell(ctx, error)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            failure = ToolFailure(f"{error.strerror or error}", where=str(error.filename or ""))
            _tell(ctx, failure)
            ctx.exit(failure.exit_code)
        except click.UsageError as error:
            if ctx.meta[_JSON]:
                _tell_json(error.format_message(), "", "", error.exit_code)
            raise
        except KeyboardInterrupt:
            kept = "; finished stages are kept, the same command goes on from there"
            click.echo(f"\ninterrupted{kept if ctx.invoked_subcommand in _RESUMED else ''}", err=True)
            ctx.exit(EXIT_INTERRUPTED)


def _tell(ctx: click.Context, error: EdgemedError) -> None:
    if ctx.meta[_JSON]:
        _tell_json(error.problem, error.where, error.remedy, error.exit_code)
    click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)


def _tell_json(problem: str, where: str, remedy: str, exit_code: int) -> None:
    body = {"problem": problem, "where": where, "next": remedy}
    click.echo(json.dumps({"error": body, "exit_code": exit_code}))
