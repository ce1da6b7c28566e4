"""Stage `build`: one candidate compiled, run and made into an artefact folder, each in its own process."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgemed.backends import Backend, Form, get_backend
from edgemed.errors import DiskFull, ToolFailure, Untrusted
from edgemed.runtime import (
    GOLDEN_FILE,
    MANIFEST_FILE,
    GoldenCases,
    Session,
    golden_inputs,
    host_facts,
)
from edgemed.stages.job import Job
from edgemed.stages.step_files import with_file_names
from edgemed.stages.value_statistics import allowed
from edgemed.targets import Target
from edgemed.types import (
    DataFacts,
    EngineSpec,
    Graph,
    LayerPrecision,
    Limits,
    Manifest,
    OutputSpec,
    Precision,
    Verdict,
    digest_of,
    digest_of_file,
)
from edgemed.types.manifest import VERDICT_FILE
from edgemed.types.processor import INSTRUCTION_SETS, arch_of

ARTEFACT = "artefact"


@dataclass(frozen=True)
class Candidate:
    """One backend at one precision, of the model as it came or of the pruned one.

    `unmeasured` is why its time here would tell nothing of the target's, `stand_in` that this machine cannot
    execute it at all: its answers are then those of its graph in another runtime.
    """

    backend: str
    precision: Precision
    pruned: bool = False
    unmeasured: str = ""
    stand_in: bool = False

    @property
    def id(self) -> str:
        return f"{self.backend}-{self.precision}{'-pruned' if self.pruned else ''}"


ORIGINAL = Candidate("onnxruntime", "fp32")
"""What artefacts are compared with: the float graph, itself checked against the trained model."""


@dataclass(frozen=True)
class Built:
    """A candidate that was built and answered: its artefact's folder and layers as executed.

    The folder is the cache's and holds the manifest that it was built and run by; `manifest` is what it ships
    with. `digest` is of what the runtime loads; the golden cases and what else the manifest says are not in
    it, so that another selection set or threshold times nothing again.
    """

    candidate: Candidate
    folder: Path
    manifest: Manifest
    digest: str
    size_bytes: int
    layers: tuple[LayerPrecision, ...]
    notes: tuple[str, ...] = ()
    """What its backend found while building."""
    verdict: Verdict | None = None
    """Ships with it."""

    def judged(self, verdict: Verdict) -> Built:
        """The same with its verdict, whose file the manifest lists.

        Not all of it: artefacts leave the hospital, and the same decisions make the same bytes.
        """
        verdict = verdict.as_shipped
        sha256 = hashlib.sha256(verdict.to_json().encode()).hexdigest()
        files = {**self.manifest.files, VERDICT_FILE: sha256}
        return replace(self, verdict=verdict, manifest=replace(self.manifest, files=files))


def build_all(
    job: Job,
    graph: Graph,
    candidates: Sequence[Candidate],
    forms: Mapping[bool, Mapping[Form, Path | str]],
    golden: Path,
    data: Sequence[DataFacts],
    stamps: Mapping[bool, tuple[str, ...]],
    target: Target,
) -> tuple[dict[str, Built], dict[str, str]]:
    """Build the original and every candidate. Gives what was built, and why others were not, by id.

    `forms` and `stamps` are those of candidates that are not pruned, and (True) of those that are.

    A candidate whose runtime refuses, crashes, hangs or answers twice differently is one that is not built.
    Raises `ToolFailure` when the original cannot be built.
    """
    built: dict[str, Built] = {}
    failures: dict[str, str] = {}
    own = next((each for each in candidates if each.id == ORIGINAL.id), ORIGINAL)
    for candidate in dict.fromkeys((own, *candidates)):
        backend = get_backend(candidate.backend)
        source = forms[candidate.pruned][backend.forms[candidate.precision]]
        if not isinstance(source, str) and (why := backend.cannot_build(target.tensorrt, graph.opset)):
            source = why
        if isinstance(source, str):
            failures[candidate.id] = source
            continue
        try:
            built[candidate.id] = build(
                job, graph, candidate, source, golden, data, stamps[candidate.pruned], target
            )
        except DiskFull:
            raise
        except (ToolFailure, Untrusted) as error:
            if candidate == own:
                raise
            failures[candidate.id] = error.problem
            job.reporter.warn(f"{candidate.id} is dropped: {error.problem}")
    return built, failures


def notes_of(built: Mapping[str, Built]) -> tuple[str, ...]:
    """What the backends found while building, each note once behind the candidates that it is of."""
    named: dict[str, list[str]] = {}
    for name, each in built.items():
        for note in each.notes:
            named.setdefault(note, []).append(name)
    return tuple(f"{', '.join(names)}: {note}" for note, names in named.items())


def stamps_for(data: Sequence[DataFacts], *, gate: bool = True) -> tuple[str, ...]:
    """What no labelled set, or no gate, leaves unsaid of an artefact.

    `speed only`: no labelled selection set tells whether the answers are still right. `not judged`: no
    labelled acceptance set. `gate off`: it was judged, and kept whatever the verdict.
    """
    labelled = {each.role for each in data if each.labelled}
    stamps = [] if "select" in labelled else ["speed only"]
    if "accept" not in labelled:
        stamps.append("not judged")
    elif not gate:
        stamps.append("gate off")
    return tuple(stamps)


def build(
    job: Job,
    graph: Graph,
    candidate: Candidate,
    source: Path,
    golden: Path,
    data: Sequence[DataFacts],
    stamps: tuple[str, ...],
    target: Target,
) -> Built:
    """Compile `source`, load it, answer the golden cases.

    Raises `ToolFailure` when one of these fails or the process dies.
    """
    manifest = _manifest(job, graph, candidate, data, stamps, target)
    engine = target.tensorrt
    depends_on = {
        "source": _source_digest(source),
        "golden": digest_of_file(golden),
        "manifest": _as_run(manifest).to_dict(),
        "engine": engine.to_dict() if engine is not None else None,
        "versions": job.versions(candidate.backend, ORIGINAL.backend),
    }
    stage = job.run(
        f"build-{candidate.id}", f"building {candidate.id}", depends_on,
        _build, candidate, str(source), _as_run(manifest), str(golden), engine,
        timeout_s=get_backend(candidate.backend).build_timeout_s(engine),
    )  # fmt: skip
    layers = tuple(LayerPrecision(*layer) for layer in stage.facts["layers"])
    shipped = replace(manifest, files=stage.facts["files"])
    return Built(
        candidate, stage.folder / ARTEFACT, shipped, stage.facts["digest"], stage.facts["size_bytes"], layers,
        tuple(stage.facts["notes"]),
    )  # fmt: skip


def _manifest(
    job: Job,
    graph: Graph,
    candidate: Candidate,
    data: Sequence[DataFacts],
    stamps: tuple[str, ...],
    target: Target,
) -> Manifest:
    """The manifest but for the digests of files, which are not made yet."""
    recipe = job.recipe
    backend, here = get_backend(candidate.backend), arch_of(host_facts()["arch"])
    used = ("edgemed", candidate.backend, *(("nncf",) if candidate.precision == "int8" else ()))
    steps = {
        name: [{"op": step.op, **step.args} for step in spec.steps]
        for name, spec in with_file_names(recipe).inputs.items()
    }
    by_readers = sorted({note for each in data for note in each.notes})
    return Manifest(
        name=recipe.name,
        version=recipe.version,
        backend=candidate.backend,
        precision=candidate.precision,
        inputs=graph.inputs,
        outputs=graph.outputs,
        preprocess={"in_graph": steps, "by_readers": by_readers},
        files={},
        threads=recipe.threads,
        host=host_facts(),
        tools={name: job.tools[name] for name in used if name in job.tools},
        data={each.role: each.sha256 for each in data},
        seed=recipe.seed,
        stamps=stamps,
        target=target.name,
        pruned=candidate.pruned,
        unmeasured=candidate.unmeasured,
        limits=target.limits,
        signals={name: range_ for each in data for name, range_ in each.signals.items()},
        values=allowed(
            (each.values for each in data),
            {name: [step.op for step in spec.steps] for name, spec in recipe.inputs.items()},
        ),
        stand_in=backend.stand_in if candidate.stand_in else "",
        golden_source="real" if recipe.golden.may_ship and recipe.data.calibrate else "synthetic",
        golden_tolerance=backend.golden_tolerance(candidate.precision),
        golden_tolerances={
            arch: backend.golden_tolerance(candidate.precision, "arch" if arch == here else "nothing")
            for arch in INSTRUCTION_SETS
        },
    )


def _as_run(manifest: Manifest) -> Manifest:
    """What of a manifest a session runs by. The rest may change without another build."""
    outputs = tuple(OutputSpec(each.name, each.kind, each.columns) for each in manifest.outputs)
    return replace(
        manifest, name="", version="", outputs=outputs, preprocess={}, data={}, seed=0, stamps=(), target="",
        limits=Limits(), unmeasured="", signals={}, values={},
    )  # fmt: skip


def _build(
    candidate: Candidate,
    source: str,
    manifest: Manifest,
    golden: str,
    engine: EngineSpec | None,
    stage_folder: Path,
) -> dict[str, Any]:
    folder = stage_folder / ARTEFACT
    folder.mkdir()
    backend = get_backend(candidate.backend)
    backend.build(Path(source), candidate.precision, folder, engine)
    size_bytes = sum(path.stat().st_size for path in folder.iterdir())
    shutil.copyfile(golden, folder / GOLDEN_FILE)
    load = Session.stand_in_unverified if candidate.stand_in else Session.load_unverified
    _answer_golden_cases(load(folder, manifest))
    files = {path.name: digest_of_file(path) for path in sorted(folder.iterdir())}
    complete = replace(manifest, files=files)
    (folder / MANIFEST_FILE).write_text(complete.to_json(), encoding="utf-8")
    Session.load_to_judge(folder)
    loaded = {name: sha256 for name, sha256 in files.items() if name != GOLDEN_FILE}
    return {
        "files": files,
        "digest": digest_of({"files": loaded, "manifest": manifest.to_dict()}),
        "size_bytes": size_bytes,
        "layers": _layers(backend, folder, candidate.precision, golden_inputs(folder, 1)),
        "notes": list(backend.notes(folder)),
    }


def _answer_golden_cases(session: Session) -> None:
    """Add the answers to the inputs, found one by one as a replay finds them: a batch's last bits differ."""
    cases = GoldenCases(session.folder, session.manifest.inputs, ())
    answers = [session.execute(inputs) for inputs, _ in cases]
    with zipfile.ZipFile(session.folder / GOLDEN_FILE, "a") as archive:
        for spec in session.manifest.outputs:
            with archive.open(f"out.{spec.name}.npy", "w") as file:
                np.lib.format.write_array(file, np.concatenate([each[spec.name] for each in answers]))


def _layers(
    backend: Backend, folder: Path, precision: Precision, inputs: dict[str, Any]
) -> list[tuple[str, str, str]]:
    try:
        return backend.executed_layers(folder, precision, inputs)
    except (RuntimeError, ToolFailure):
        return []


def _source_digest(source: Path) -> str:
    weights = source.with_suffix(".bin")
    parts = [digest_of_file(source)]
    if source.suffix == ".xml" and weights.exists():
        parts.append(digest_of_file(weights))
    return "-".join(parts)
