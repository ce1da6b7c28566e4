"""Gathers what the stages found into one `Compilation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from edgemed.judge import faster, percentiles
from edgemed.report.grounds import sentence
from edgemed.runtime import ARTEFACTS, host_facts
from edgemed.stages.acceptance import Acceptance
from edgemed.stages.artefacts import ORIGINAL, Built, Candidate
from edgemed.stages.choose import Choice, Latencies
from edgemed.stages.job import Job
from edgemed.stages.plan import Plan
from edgemed.stages.pruning import Pruned
from edgemed.types import (
    AgreementFigures,
    CandidateResult,
    Compilation,
    Coverage,
    DataFacts,
    Graph,
    Latency,
    ModelFacts,
    OriginalResult,
    ParityFacts,
    Reliability,
    SpeedRatio,
    Temperature,
)
from edgemed.types.compilation import ComparedOn


@dataclass(frozen=True)
class Findings:
    """What the stages of one compile gave."""

    graph: Graph
    model: ModelFacts
    data: tuple[DataFacts, ...]
    parity: tuple[ParityFacts, ...]
    plan: Plan
    candidates: Sequence[Candidate]
    built: Mapping[str, Built]
    failures: Mapping[str, str]
    figures: Mapping[str, tuple[AgreementFigures, ...]]
    latencies: Latencies
    costs: Mapping[str, tuple[float, float]]
    choice: Choice
    compared_on: ComparedOn
    acceptance: Acceptance
    stamps: tuple[str, ...]
    warnings: tuple[str, ...]
    pruned: Pruned | None
    temperatures: tuple[Temperature, ...]
    reliability: tuple[Reliability, ...]
    coverage: tuple[Coverage, ...]


def compilation(job: Job, found: Findings, command: str) -> Compilation:
    """Everything a report shows."""
    recipe = job.recipe
    candidates = tuple(_candidate(found, each) for each in found.candidates)
    ratios = {
        each.id: each.ratio.ratio
        for each in candidates
        if each.status == "kept" and each.ratio is not None and not each.unmeasured
    }
    best = min(ratios, key=ratios.__getitem__, default=None)
    return Compilation(
        name=recipe.name,
        version=recipe.version,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seed=recipe.seed,
        command=command,
        recipe=recipe.to_dict(),
        recipe_digest=recipe.digest,
        agreement=recipe.agreement,
        model=found.model,
        data=found.data,
        plan=found.plan.lines,
        parity=(*found.parity, *(found.pruned.parity if found.pruned is not None else ())),
        original=_original(found),
        candidates=candidates,
        target=found.plan.target,
        best=best,
        compared_on=found.compared_on,
        roc=found.acceptance.roc,
        stages=tuple(job.times),
        tools=job.tools,
        host=host_facts(),
        pruning=found.pruned.facts if found.pruned is not None else None,
        openings=found.acceptance.openings,
        temperatures=found.temperatures,
        reliability=found.reliability,
        coverage=found.coverage,
        stamps=found.stamps,
        warnings=found.warnings,
    )


def _original(found: Findings) -> OriginalResult:
    load_ms, memory_mib = found.costs.get(ORIGINAL.id, (None, None))
    return OriginalResult(
        runtime=f"{ORIGINAL.backend} {ORIGINAL.precision}",
        size_bytes=found.built[ORIGINAL.id].size_bytes,
        latency=_latency(found, ORIGINAL.id),
        load_ms=load_ms,
        memory_mib=memory_mib,
        accept_figures=found.acceptance.figures.get("original"),
    )


def _candidate(found: Findings, candidate: Candidate) -> CandidateResult:
    name = candidate.id
    if name in found.failures:
        return CandidateResult(
            name, candidate.backend, candidate.precision, "failed", found.failures[name],
            pruned=candidate.pruned,
        )  # fmt: skip
    kept = name in found.acceptance.kept.get(candidate.backend, ())
    status: Literal["kept", "dropped"] = "kept" if kept else "dropped"
    verdict = found.acceptance.verdicts.get(name)
    reasons = [found.acceptance.refused.get(name, ""), found.choice.reasons[name]]
    if kept and verdict is not None:
        reasons.append(sentence(verdict, found.model.outputs))
    if kept and name not in found.choice.kept.get(candidate.backend, ()):
        reasons.insert(0, "fallback: the choice was refused on the acceptance set")
    load_ms, memory_mib = found.costs.get(name, (None, None))
    built = found.built[name]
    return CandidateResult(
        id=name,
        backend=candidate.backend,
        precision=candidate.precision,
        status=status,
        reason="; ".join(reason for reason in reasons if reason),
        size_bytes=built.size_bytes,
        load_ms=load_ms,
        memory_mib=memory_mib,
        latency=_latency(found, name),
        ratio=_ratio(found, name),
        select_agreement=found.figures[name],
        accept_agreement=found.acceptance.agreement.get(name),
        accept_figures=found.acceptance.figures.get(name),
        layers=built.layers,
        path=f"{ARTEFACTS}/{name}" if kept else "",
        pruned=candidate.pruned,
        unmeasured=candidate.unmeasured,
        stand_in=built.manifest.stand_in,
        verdict=verdict,
    )


def _latency(found: Findings, name: str) -> Latency | None:
    return percentiles(found.latencies[name]) if name in found.latencies else None


def _ratio(found: Findings, name: str) -> SpeedRatio | None:
    if name not in found.latencies:
        return None
    return faster(found.latencies[ORIGINAL.id], found.latencies[name])
