"""Values that travel between stages: frozen, digestible, to and from JSON."""

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
from edgemed.types.engine import Engine, EngineList, EnginePackage, EngineSpec
from edgemed.types.graph import Graph
from edgemed.types.limits import Limits
from edgemed.types.manifest import FORMAT_VERSION, Manifest, Precision
from edgemed.types.pruning import LayerChange, LeftAlone, Pruning, PruningFacts, Recovery
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
from edgemed.types.tensor import DType, Ending, InputSpec, Kind, Layout, OutputSpec
from edgemed.types.verdict import AgreementFigures, Figure, Figures, Flip, Latency, SpeedRatio

__all__ = [
    "FORMAT_VERSION",
    "Agreement",
    "AgreementFigures",
    "CandidateResult",
    "Compilation",
    "DType",
    "DataFacts",
    "DataSpec",
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
    "Kind",
    "Latency",
    "LayerChange",
    "LayerPrecision",
    "Layout",
    "LeftAlone",
    "Limits",
    "Manifest",
    "ModelFacts",
    "ModelSpec",
    "OriginalResult",
    "OutputRecipe",
    "OutputSpec",
    "ParityFacts",
    "Precision",
    "PruneSpec",
    "Pruning",
    "PruningFacts",
    "QuantiseSpec",
    "Recipe",
    "Record",
    "Recovery",
    "Resized",
    "RocCurve",
    "Sample",
    "SampleSet",
    "SpeedRatio",
    "StageTime",
    "Step",
    "TrialsSpec",
    "did_you_mean",
    "digest_of",
    "digest_of_file",
]
