"""Values that travel between stages: frozen, digestible, to and from JSON."""

from edgemed.types.card import CardSpec
from edgemed.types.compilation import (
    CandidateResult,
    Compilation,
    DataFacts,
    LayerPrecision,
    ModelFacts,
    OriginalResult,
    ParityFacts,
    RocCurve,
    StageTime,
)
from edgemed.types.decisions import Decisions, RecoveryCourse
from edgemed.types.engine import Engine, EngineList, EnginePackage, EngineSpec
from edgemed.types.figures import AgreementFigures, Figure, Figures, Flip, Latency, SpeedRatio
from edgemed.types.graph import Graph
from edgemed.types.judge_spec import JudgeSpec, Margins
from edgemed.types.limits import Limits
from edgemed.types.manifest import FORMAT_VERSION, Manifest, Precision
from edgemed.types.pruning import LayerChange, LeftAlone, Pruning, PruningFacts, Recovery
from edgemed.types.raw_signal import Acquisition, RawSignal
from edgemed.types.recipe import (
    Agreement,
    DataSpec,
    GoldenSpec,
    InputRecipe,
    ModelSpec,
    OutputRecipe,
    PruneSpec,
    QuantiseSpec,
    Recipe,
    Step,
    TrialsSpec,
)
from edgemed.types.record import Record, did_you_mean, digest_of, digest_of_file
from edgemed.types.sample import Resized, Sample, SampleSet
from edgemed.types.signal_range import SignalRange
from edgemed.types.tensor import DType, Ending, InputSpec, Kind, Layout, OutputSpec
from edgemed.types.value_range import ValueRange
from edgemed.types.verdict import (
    Coverage,
    Difference,
    LimitsOfAgreement,
    Opening,
    Outcome,
    Reliability,
    Temperature,
    Verdict,
)

__all__ = [
    "FORMAT_VERSION",
    "Acquisition",
    "Agreement",
    "AgreementFigures",
    "CandidateResult",
    "CardSpec",
    "Compilation",
    "Coverage",
    "DType",
    "DataFacts",
    "DataSpec",
    "Decisions",
    "Difference",
    "Ending",
    "Engine",
    "EngineList",
    "EnginePackage",
    "EngineSpec",
    "Figure",
    "Figures",
    "Flip",
    "GoldenSpec",
    "Graph",
    "InputRecipe",
    "InputSpec",
    "JudgeSpec",
    "Kind",
    "Latency",
    "LayerChange",
    "LayerPrecision",
    "Layout",
    "LeftAlone",
    "Limits",
    "LimitsOfAgreement",
    "Manifest",
    "Margins",
    "ModelFacts",
    "ModelSpec",
    "Opening",
    "OriginalResult",
    "Outcome",
    "OutputRecipe",
    "OutputSpec",
    "ParityFacts",
    "Precision",
    "PruneSpec",
    "Pruning",
    "PruningFacts",
    "QuantiseSpec",
    "RawSignal",
    "Recipe",
    "Record",
    "Recovery",
    "RecoveryCourse",
    "Reliability",
    "Resized",
    "RocCurve",
    "Sample",
    "SampleSet",
    "SignalRange",
    "SpeedRatio",
    "StageTime",
    "Step",
    "Temperature",
    "TrialsSpec",
    "ValueRange",
    "Verdict",
    "did_you_mean",
    "digest_of",
    "digest_of_file",
]
