"""Compilation: everything that a compile found out, and all that a report is made from."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from edgemed.types.figures import AgreementFigures, Figures, Latency, SpeedRatio
from edgemed.types.manifest import Precision
from edgemed.types.pruning import PruningFacts
from edgemed.types.recipe import Agreement
from edgemed.types.record import Record
from edgemed.types.signal_range import SignalRange
from edgemed.types.tensor import Ending, InputSpec, OutputSpec
from edgemed.types.value_range import ValueRange
from edgemed.types.verdict import Coverage, Opening, Reliability, Temperature, Verdict

Role = Literal["calibrate", "select", "accept"]
ComparedOn = Literal["select", "calibrate", "golden"]


class ModelFacts(Record):
    """The trained model that went in. `kind` is how it came: onnx, pt2 or factory."""

    source: str
    kind: str
    sha256: str
    parameters: int
    opset: int
    inputs: tuple[InputSpec, ...]
    outputs: tuple[OutputSpec, ...]
    notes: tuple[str, ...] = ()
    """What was changed on the way in."""
    endings: dict[str, Ending] = field(default_factory=dict)
    """What the trained model itself gives, by output: logits, probabilities or values."""


class DataFacts(Record):
    """One of the three sets. `class_counts`: by output name, cases of each class."""

    role: Role
    ref: str
    n: int
    labelled: bool
    sha256: str = ""
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    class_counts: dict[str, dict[str, int]] = field(default_factory=dict)
    signals: dict[str, SignalRange] = field(default_factory=dict)
    """Of raw MR inputs, in the calibration set."""
    values: dict[str, ValueRange] = field(default_factory=dict)
    """Of the other inputs, what they hold; not of bytes."""


class ParityFacts(Record):
    """One check that a rewritten form computes the same: what, on how many cases, how near."""

    what: str
    cases: int
    largest_difference: float
    tolerance: float
    note: str = ""


class LayerPrecision(Record):
    """A layer and the precision it is executed in, or written in where the runtime does not tell.

    Of an engine that a stand-in answers for it is what the engine's builder planned.
    """

    name: str
    op: str
    precision: str


class OriginalResult(Record):
    """The original as it was run for comparison: `runtime` such as `onnxruntime fp32`.

    Latency, load and memory are this machine's, as those of `unmeasured` candidates are.
    """

    runtime: str
    size_bytes: int
    latency: Latency | None = None
    load_ms: float | None = None
    memory_mib: float | None = None
    accept_figures: tuple[Figures, ...] | None = None


class CandidateResult(Record):
    """One backend at one precision: built or not, how fast, how near, and why it was kept or dropped.

    `ratio` is to the original, in turns. `unmeasured` is why its time here tells nothing of the target's:
    latency, ratio, load and memory are then this machine's and decided nothing. `stand_in` is what gave its
    answers where its hardware was missing; it has no time at all. `path` is relative to the output folder,
    empty where nothing was written.
    """

    id: str
    backend: str
    precision: Precision
    status: Literal["kept", "dropped", "failed"]
    reason: str
    size_bytes: int | None = None
    load_ms: float | None = None
    memory_mib: float | None = None
    latency: Latency | None = None
    ratio: SpeedRatio | None = None
    select_agreement: tuple[AgreementFigures, ...] | None = None
    accept_agreement: tuple[AgreementFigures, ...] | None = None
    accept_figures: tuple[Figures, ...] | None = None
    layers: tuple[LayerPrecision, ...] = ()
    path: str = ""
    pruned: bool = False
    unmeasured: str = ""
    stand_in: str = ""
    verdict: Verdict | None = None
    """Of those that were tried on the acceptance set, kept or not."""


class RocCurve(Record):
    """A ROC curve on the acceptance set, thinned. `model` is `original` or a candidate's id."""

    model: str
    output: str
    label: str
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]


class StageTime(Record):
    """One stage's wall time; `cached` where its result was found and not made again."""

    name: str
    seconds: float
    cached: bool = False
    peak_mib: float | None = None


class Compilation(Record):
    """Everything a compile found out.

    `best` is the fastest of those that were kept and measured on the target, None where there is none.
    `compared_on` is where `select_agreement` comes from: without a selection set the calibration set, without
    either the golden cases. `stamps` travel with the artefacts, `warnings` do not. `created` is ISO 8601 in
    UTC.
    """

    name: str
    version: str
    created: str
    seed: int
    command: str
    recipe: dict[str, Any]
    recipe_digest: str
    agreement: Agreement
    model: ModelFacts
    data: tuple[DataFacts, ...]
    plan: tuple[str, ...]
    parity: tuple[ParityFacts, ...]
    original: OriginalResult
    candidates: tuple[CandidateResult, ...]
    target: str
    best: str | None
    compared_on: ComparedOn
    roc: tuple[RocCurve, ...]
    stages: tuple[StageTime, ...]
    tools: dict[str, str]
    host: dict[str, str]
    pruning: PruningFacts | None = None
    openings: tuple[Opening, ...] = ()
    """Of the acceptance set for this output folder, the first one first."""
    temperatures: tuple[Temperature, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    stamps: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    format_version: int = 1

    @property
    def kept(self) -> tuple[str, ...]:
        """Ids of the candidates that were kept."""
        return tuple(each.id for each in self.candidates if each.status == "kept")

    def candidate(self, id: str | None) -> CandidateResult | None:
        return next((each for each in self.candidates if each.id == id), None)
