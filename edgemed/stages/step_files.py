"""Files that preprocessing steps read: the statistics of `whiten`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgemed.errors import BadInput
from edgemed.preprocess.statistics_file import check_statistics
from edgemed.preprocess.whiten import Whiten
from edgemed.types import Recipe, Step, digest_of_file


def check_step_files(recipe: Recipe, base: Path) -> None:
    """Raises `BadInput` where a file is not there, or not the one whose digest the recipe gives."""
    for name, spec in recipe.inputs.items():
        for index, step in enumerate(spec.steps):
            if _reads_file(step):
                try:
                    check_statistics(base / step.args["statistics"], step.args.get("sha256", ""))
                except BadInput as error:
                    where = f"inputs.{name}.steps[{index}] ({step.op})"
                    raise BadInput(error.problem, where=where, remedy=error.remedy) from None


def with_digests(recipe: Recipe, base: Path) -> Recipe:
    """`recipe` with the sha256 of each file among its step's arguments; one that is given there stays.

    So the content of these files is part of every digest of the recipe's inputs, of manifest and report.
    """

    def digested(args: dict[str, Any]) -> dict[str, Any]:
        file = base / args["statistics"]
        if args.get("sha256") or not file.is_file():
            return args
        return {**args, "sha256": digest_of_file(file)}

    return _with_args(recipe, digested)


def with_files_from(recipe: Recipe, base: Path) -> Recipe:
    """`recipe` with paths that no longer depend on its folder, as `edgemed.preprocess` takes them."""
    return _with_args(recipe, lambda args: {**args, "statistics": str(base / args["statistics"])})


def with_file_names(recipe: Recipe) -> Recipe:
    """`recipe` with the names of files alone, as an artefact may tell them."""
    return _with_args(recipe, lambda args: {**args, "statistics": Path(args["statistics"]).name})


def _with_args(recipe: Recipe, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Recipe:
    inputs = {
        name: replace(
            spec,
            steps=tuple(
                replace(step, args=change(step.args)) if _reads_file(step) else step for step in spec.steps
            ),
        )
        for name, spec in recipe.inputs.items()
    }
    return replace(recipe, inputs=inputs)


def _reads_file(step: Step) -> bool:
    """Of arguments that are not what they must be, `tensor_spec` tells."""
    return step.op == Whiten.name and isinstance(step.args.get("statistics"), str)
