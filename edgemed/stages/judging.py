"""Verdicts on artefacts that a compile has left, each beside its original on an acceptance set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgemed.child import report_progress, run_in_child
from edgemed.errors import BadInput, Unavailable
from edgemed.judge import judge_pairs
from edgemed.measure import Predictions, predict
from edgemed.runtime import Session, read_manifest, verify_files
from edgemed.stages.artefacts import ORIGINAL
from edgemed.stages.data import check_data
from edgemed.stages.job import Job, SetSource
from edgemed.stages.labels import check_labels
from edgemed.stages.ledger import close_acceptance, open_acceptance
from edgemed.stages.paired import paired
from edgemed.types import DataFacts, Manifest, Opening, Verdict, digest_of
from edgemed.types.compilation import Role


@dataclass(frozen=True)
class Bench:
    """The folder and manifest of an original, and of the artefacts, by id, that are judged beside it."""

    original: Path
    reference: Manifest
    artefacts: Mapping[str, tuple[Path, Manifest]]


def lay_out(original: Path, artefacts: Mapping[str, Path]) -> Bench:
    """Read and check all. Raises `BadInput` where one is not of this original, and `Untrusted`."""
    reference = read_manifest(original)
    verify_files(original, reference)
    found = {}
    for name, folder in artefacts.items():
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        if (manifest.inputs, manifest.outputs) != (reference.inputs, reference.outputs):
            raise BadInput(
                "its inputs and outputs are not those of the original",
                where=str(folder),
                remedy="give an artefact of the same compile: OUT/artefacts/NAME beside OUT/original",
            )
        found[name] = folder, manifest
    return Bench(original, reference, found)


def preview(job: Job, bench: Bench) -> DataFacts:
    """The cases and classes of the acceptance set: nothing is decoded, and no answer asked for.

    Raises what `judge_artefacts` raises for a set without labels, or too small for a proof.
    """
    reference, data = bench.reference, job.recipe.data
    source = SetSource(data.accept or "", str(job.base), reference.inputs, reference.outputs, data.skip_bad)
    facts = DataFacts("accept", source.ref, len(source.open()), labelled=False)
    return _labelled(job, bench, "accept", {"accept": source}, (facts,))[1]


def judge_artefacts(
    job: Job, bench: Bench, command: str, *, engine: bool
) -> tuple[tuple[Verdict, ...], tuple[Opening, ...]]:
    """A verdict on each artefact on the set `job.recipe.data.accept`, and all openings of that set.

    With `engine` an artefact answers by its own runtime or not at all; else by a stand-in where its hardware
    was missing when it was built. All are loaded before the opening is logged, and it is logged before the
    first answer; nothing but the ledger is written. Raises `BadInput` for a set without labels, or with which
    nothing could be proven even without a single change, `Unavailable` where a runtime or its hardware is
    missing, and what loading raises.
    """
    with job.alone():
        folders = {name: folder for name, (folder, _) in bench.artefacts.items()}
        job.reporter.stage("load", f"loading {', '.join(folders)}")
        run_in_child(_load, [bench.original, *folders.values()], engine, what="loading what is judged")
        source, _ = read_set(job, bench, "accept")
        if source.sha256 != bench.reference.data.get("accept"):
            job.warn(("these are not the cases that the compile judged on, or they have changed since",))
        asked = [job.recipe.judge.to_dict(), job.recipe.seed]
        opening = open_acceptance(
            job.out,
            data=source.sha256,
            command=command,
            question=digest_of([*asked, "engine"] if engine else asked),
            judged={
                ORIGINAL.id: bench.reference.judged,
                **{name: manifest.judged for name, (_, manifest) in bench.artefacts.items()},
            },
        )
        before = answers(job, "original", bench.original, source)
        verdicts = tuple(
            _verdict(job, bench, name, before, answers(job, name, folder, source, engine=engine), opening)
            for name, folder in folders.items()
        )
        if engine:
            verdicts = tuple(
                replace(each, executed_by=bench.artefacts[each.id][1].backend) for each in verdicts
            )
        openings = close_acceptance(job.out, opening, {each.id: each.outcome for each in verdicts})
    return verdicts, openings


def _verdict(
    job: Job, bench: Bench, name: str, before: Predictions, after: Predictions, opening: Opening
) -> Verdict:
    manifest = bench.artefacts[name][1]
    return replace(
        judge_pairs(bench.reference.outputs, paired(before, after), job.recipe.judge, job.recipe.seed),
        id=name,
        artefact=manifest.judged,
        original=bench.reference.judged,
        data=opening.data,
        opening=opening.number,
        executed_by=manifest.stand_in or manifest.backend,
    )


def read_set(job: Job, bench: Bench, role: Role) -> tuple[SetSource, DataFacts]:
    """The set of that role, read from end to end and digested as a compile does, warnings told.

    `job.recipe.data` names no other. Raises `BadInput` where it cannot be read or has no labels.
    """
    sets, data, told = check_data(job, bench.reference.inputs)
    job.warn(told)
    return _labelled(job, bench, role, sets, data)


def answers(job: Job, name: str, folder: Path, source: SetSource, *, engine: bool = False) -> Predictions:
    """What the artefact in `folder` answers on a set. Raises what `Session.load` and `run` raise."""
    job.reporter.stage(name, f"{name} answers")
    return run_in_child(
        _answers, folder, source, engine, what=f"{name} on {source.ref}", on_progress=job.reporter.progress
    ).value


def _labelled(
    job: Job,
    bench: Bench,
    role: Role,
    sets: Mapping[Role, SetSource],
    data: tuple[DataFacts, ...],
) -> tuple[SetSource, DataFacts]:
    sources, (facts,), told = check_labels(
        sets, data, bench.reference.outputs, learnt=False, judge=job.recipe.judge
    )
    if not facts.labelled:
        raise BadInput(
            "the set has no labels: without them nothing can be judged",
            where=facts.ref,
            remedy="give a labelled one with --accept SET, such as --accept set.npz::x=images,y=labels",
        )
    job.warn(told)
    return sources[role], facts


def _load(folders: list[Path], engine: bool) -> None:
    for folder in folders:
        try:
            _session(folder, engine)
        except Unavailable as error:
            stand_in = read_manifest(folder).stand_in
            without = f"; without --engine its stand-in is judged ({stand_in})" if stand_in else ""
            raise Unavailable(error.problem, where=str(folder), remedy=error.remedy + without) from None


def _answers(folder: Path, source: SetSource, engine: bool) -> Predictions:
    samples = source.open()
    total = len(samples)
    return predict(_session(folder, engine), samples, lambda done: report_progress(done, total))


def _session(folder: Path, engine: bool) -> Session:
    return Session.load(folder) if engine else Session.load_to_judge(folder)
