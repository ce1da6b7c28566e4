"""Verdicts on artefacts that a compile has left, each beside its original on an acceptance set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgemed.backends.tensorrt.find_engine import find_engine
from edgemed.backends.tensorrt.gpu import find_gpu
from edgemed.child import report_progress, run_in_child
from edgemed.errors import BadInput, Unavailable
from edgemed.measure import Predictions, predict
from edgemed.runtime import Session, read_manifest, verify_files
from edgemed.stages.artefacts import ORIGINAL
from edgemed.stages.data import check_data
from edgemed.stages.job import Job, SetSource
from edgemed.stages.labels import check_labels
from edgemed.stages.ledger import close_acceptance, open_acceptance, read_ledger
from edgemed.stages.verdicts import executed_by, question_of, verdict_on
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
    facts, told = _labels(job, bench, "accept")
    job.warn(told)
    return facts


def judge_artefacts(
    job: Job, bench: Bench, command: str, *, engine: bool
) -> tuple[tuple[Verdict, ...], tuple[Opening, ...]]:
    """A verdict on each artefact on the set `job.recipe.data.accept`, and all openings.

    With `engine` an artefact answers by its own runtime or not at all; else by a stand-in where its hardware
    was missing when it was built. All are loaded before the opening is logged, and it is logged before the
    first answer; nothing but the ledger is written. Raises what `read_set` raises, `BadInput` too for a
    ledger that cannot be read, `Unavailable` where a runtime or its hardware is missing, and what loading
    raises.
    """
    with job.alone():
        read_ledger(job.out)
        source, _, notes = read_set(job, bench, "accept")
        folders = {name: folder for name, (folder, _) in bench.artefacts.items()}
        job.reporter.stage("load", f"loading {', '.join(folders)}")
        judged = run_in_child(
            _load, {ORIGINAL.id: bench.original, **folders}, engine, what="loading what is judged"
        ).value
        if source.sha256 != bench.reference.data.get("accept"):
            job.warn(("these are not the cases that the compile judged on, or they have changed since",))
        opening = open_acceptance(
            job.out,
            data=source.sha256,
            command=command,
            question=question_of(job.recipe),
            judged=judged,
            asked=job.recipe.judge.asked,
        )
        before = answers(job, "original", bench.original, source)
        verdicts = []
        for name, (folder, manifest) in bench.artefacts.items():
            runtime = executed_by(manifest, engine=engine)
            after = answers(job, name, folder, source, engine=engine)
            verdict = verdict_on(name, runtime, bench.reference.outputs, before, after, opening, job.recipe)
            verdicts.append(replace(verdict, notes=(*verdict.notes, *notes)))
        openings = close_acceptance(job.out, opening, {each.id: each.outcome for each in verdicts})
    return tuple(verdicts), openings


def read_set(job: Job, bench: Bench, role: Role) -> tuple[SetSource, DataFacts, tuple[str, ...]]:
    """The set of that role, read from end to end and digested as a compile does, warnings told.

    `job.recipe.data` names beside it, for an acceptance set, the compile's others as far as they are found.
    Gives what could not be checked too. Raises `BadInput` where a set cannot be read, this one has no
    labels, too few cases for a proof (before any is decoded, unless it is for want of patients), or a case or
    patient of the others.
    """
    _labels(job, bench, role)
    sets, bare, told = check_data(job, bench.reference.inputs)
    outputs, spec = bench.reference.outputs, job.recipe.judge
    sources, data, more = check_labels(sets, bare, outputs, learnt=False, judge=spec)
    own = {each.sha256 for each in (*bare, *data) if each.role == role}
    (facts,) = (each for each in data if each.role == role)
    notes: tuple[str, ...] = ()
    if role == "accept":
        notes = _unchecked(bench.reference, facts.ref, own, {each.sha256 for each in data})
    job.warn((*told, *more))
    return sources[role], facts, notes


def _unchecked(reference: Manifest, ref: str, own: Collection[str], read: Collection[str]) -> tuple[str, ...]:
    """The compile's other sets that were not `read`, as a note. Raises `BadInput` where `own` is one."""
    others = {role: digest for role, digest in reference.data.items() if role != "accept"}
    for role, digest in others.items():
        if digest in own:
            raise BadInput(
                f"this is the compile's {role} set: what it has shaped proves nothing on it",
                where=ref,
                remedy="give cases that the compile has not seen",
            )
    missing = [role for role, digest in others.items() if digest not in read]
    if not missing:
        return ()
    sets = f"{' and '.join(missing)} set{'s' if len(missing) > 1 else ''}"
    return (
        f"not compared with the compile's {sets}, not found or changed since: whether a case or patient is "
        "in both is not known (--base FOLDER: where the recipe lies)",
    )


def answers(job: Job, name: str, folder: Path, source: SetSource, *, engine: bool = False) -> Predictions:
    """What the artefact in `folder` answers on a set. Raises what `Session.load` and `run` raise."""
    job.reporter.stage(name, f"{name} answers")
    return run_in_child(
        _answers, folder, source, engine, what=f"{name} on {source.ref}", on_progress=job.reporter.progress
    ).value


def _labels(job: Job, bench: Bench, role: Role) -> tuple[DataFacts, tuple[str, ...]]:
    """Cases and classes of a set by its labels alone: no sample is decoded, and patients are not known."""
    reference, data = bench.reference, job.recipe.data
    ref = {"calibrate": data.calibrate, "select": data.select, "accept": data.accept}[role] or ""
    source = SetSource(ref, str(job.base), reference.inputs, reference.outputs, data.skip_bad)
    bare = DataFacts(role, ref, len(source.open()), labelled=False)
    _, (facts,), told = check_labels(
        {role: source}, (bare,), reference.outputs, learnt=False, judge=job.recipe.judge
    )
    if not facts.labelled:
        raise BadInput(
            "the set has no labels: without them nothing can be judged",
            where=ref,
            remedy="give a labelled one with --accept SET, such as --accept set.npz::x=images,y=labels",
        )
    return facts, told


def _load(folders: dict[str, Path], engine: bool) -> dict[str, str]:
    """Digests of what answers, by id."""
    found = {}
    for name, folder in folders.items():
        try:
            found[name] = _judged(folder, _session(folder, engine).manifest, engine)
        except Unavailable as error:
            stand_in = read_manifest(folder).stand_in
            without = f"; without --engine its stand-in is judged ({stand_in})" if stand_in else ""
            raise Unavailable(error.problem, where=str(folder), remedy=error.remedy + without) from None
    return found


def _judged(folder: Path, manifest: Manifest, engine: bool) -> str:
    """Of the engine too, where it is not what the compile judged: built since, or a stand-in answered."""
    if manifest.backend != "tensorrt" or (manifest.stand_in and not engine):
        return manifest.judged
    sha256 = find_engine(folder, find_gpu()).engine.sha256
    if not manifest.stand_in and sha256 in manifest.files.values():
        return manifest.judged
    return digest_of([manifest.judged, sha256])


def _answers(folder: Path, source: SetSource, engine: bool) -> Predictions:
    samples = source.open()
    total = len(samples)
    return predict(_session(folder, engine), samples, lambda done: report_progress(done, total))


def _session(folder: Path, engine: bool) -> Session:
    return Session.load(folder) if engine else Session.load_to_judge(folder)
