"""How the judge is asked for what ships, by a compile and by `edgemed judge` alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgemed import __version__
from edgemed.judge import judge_pairs
from edgemed.measure import Predictions
from edgemed.stages.artefacts import ORIGINAL
from edgemed.stages.paired import paired
from edgemed.types import Manifest, Opening, OutputSpec, Recipe, Verdict, digest_of


def question_of(recipe: Recipe) -> str:
    """Digest of what a verdict depends on beside cases and answers; another edgemed may judge otherwise.

    Not of the gate, which only says what follows from a verdict.
    """
    return digest_of([replace(recipe.judge, gate=True).to_dict(), recipe.seed, __version__])


def executed_by(manifest: Manifest, *, engine: bool = False) -> str:
    """The runtime that answers for an artefact: with `engine` its own, never a stand-in."""
    return manifest.backend if engine else manifest.stand_in or manifest.backend


def verdict_on(
    name: str,
    runtime: str,
    outputs: Sequence[OutputSpec],
    original: Predictions,
    answers: Predictions,
    opening: Opening,
    recipe: Recipe,
) -> Verdict:
    """The verdict on the artefact that `opening` knows as `name`, answering by `runtime`.

    Bound to the digests that the ledger tells. Raises what `paired` and `judge_pairs` raise.
    """
    return replace(
        judge_pairs(outputs, paired(original, answers), recipe.judge, recipe.seed),
        id=name,
        artefact=opening.judged[name],
        original=opening.judged[ORIGINAL.id],
        data=opening.data,
        opening=opening.number,
        executed_by=runtime,
    )
