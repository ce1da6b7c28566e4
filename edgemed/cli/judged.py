"""Finds what `edgemed judge PATH` is to judge: the artefacts, their compile and its sets."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgemed.cli.located import read_compilation
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.stages.broken_models import Material
    from edgemed.stages.job import Job, Reporter
    from edgemed.types import Compilation, JudgeSpec, Recipe
    from edgemed.types.compilation import Role


@dataclass(frozen=True)
class Judged:
    """The output folder of a compile, what its report says, and the artefacts meant, by id.

    `alone`: the path was an artefact's own folder.
    """

    out: Path
    result: Compilation
    artefacts: dict[str, Path]
    alone: bool

    @classmethod
    def at(cls, path: Path) -> Judged:
        """Raises `BadInput` where `path` is neither an artefact in its compile's output nor such a folder."""
        from edgemed.runtime import ARTEFACTS, is_artefact

        if not is_artefact(path):
            result = read_compilation(path)
            if not result.kept:
                raise BadInput("this compile kept no artefact", where=str(path), remedy="see its report.html")
            return cls(path, result, {name: path / ARTEFACTS / name for name in result.kept}, False)
        there = path if path.parent.name == ARTEFACTS else path.resolve()
        out = there.parent.parent
        if there.parent.name != ARTEFACTS or not is_artefact(out / "original"):
            raise BadInput(
                "an artefact is judged beside its original, which is not here",
                where=str(path),
                remedy="give OUT/artefacts/NAME, where a compile has written OUT/original too",
            )
        return cls(out, read_compilation(out), {there.name: there}, True)

    @property
    def recipe(self) -> Recipe:
        from edgemed.types import Recipe

        return Recipe.from_dict(self.result.recipe)

    def job(
        self, role: Role, accept: str | None, base: Path | None, spec: JudgeSpec, reporter: Reporter
    ) -> Job:
        """A job whose set in that role is `accept` as seen from here, else the recipe's.

        An acceptance set has the compile's others beside it, where they are found: they may share no case.
        Raises `BadInput` where there is none or it is not found.
        """
        from edgemed.stages.job import Job
        from edgemed.types import DataSpec

        data = self.recipe.data
        ref = accept or {"select": data.select, "accept": data.accept}[role]
        if ref is None:
            raise BadInput(
                f"the compile had no {role} set", where=str(self.out), remedy="give one: --accept SET"
            )
        folder = Path() if accept else self._base(base, ref)
        others = self._others(base, folder) if role == "accept" else {}
        sets = DataSpec(**{**others, role: ref}, skip_bad=data.skip_bad)
        recipe = replace(self.recipe, data=sets, judge=spec)
        return Job(recipe, folder, self.out, reporter)

    def material(self, base: Path | None) -> Material:
        """What the model is broken from. Raises `BadInput` where the calibration set is not found."""
        from edgemed.runtime import read_manifest
        from edgemed.stages.broken_models import Material
        from edgemed.stages.job import SetSource

        recipe, original = self.recipe, self.out / "original"
        ref = recipe.data.calibrate
        calibrate = ref and SetSource(
            ref,
            str(self._base(base, ref).resolve()),
            read_manifest(original).inputs,
            (),
            recipe.data.skip_bad,
        )
        return Material(original.resolve(), calibrate or None, recipe.quantise, recipe.seed)

    def _others(self, base: Path | None, folder: Path) -> dict[Role, str]:
        """The compile's calibration and selection sets, as seen from `folder`; without those not found."""
        from edgemed.readers.reference import Reference

        data = self.recipe.data
        sets: dict[Role, str | None] = {"calibrate": data.calibrate, "select": data.select}
        found: dict[Role, str] = {}
        for role, ref in sets.items():
            if ref is None:
                continue
            reference = Reference.parse(ref)
            try:
                path = reference.resolve(self._base(base, ref))
            except BadInput:
                continue
            found[role] = str(replace(reference, path=os.path.relpath(path, folder)))
        return found

    def _base(self, given: Path | None, ref: str) -> Path:
        from edgemed.stages.recipe_folder import find_recipe_folder

        return given or find_recipe_folder(self.result.command, self.out, ref)
