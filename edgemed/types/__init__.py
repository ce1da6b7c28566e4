"""Values that travel between stages: frozen, digestible, to and from JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgemed.first_use import at_first_use

if TYPE_CHECKING:
    from edgemed.types.acquisition import Acquisition as Acquisition
    from edgemed.types.card import CardSpec as CardSpec
    from edgemed.types.compilation import (
        CandidateResult as CandidateResult,
    )
    from edgemed.types.compilation import (
        Compilation as Compilation,
    )
    from edgemed.types.compilation import (
        DataFacts as DataFacts,
    )
    from edgemed.types.compilation import (
        LayerPrecision as LayerPrecision,
    )
    from edgemed.types.compilation import (
        ModelFacts as ModelFacts,
    )
    from edgemed.types.compilation import (
        OriginalResult as OriginalResult,
    )
    from edgemed.types.compilation import (
        ParityFacts as ParityFacts,
    )
    from edgemed.types.compilation import (
        RocCurve as RocCurve,
    )
    from edgemed.types.compilation import (
        StageTime as StageTime,
    )
    from edgemed.types.decisions import Decisions as Decisions
    from edgemed.types.decisions import RecoveryCourse as RecoveryCourse
    from edgemed.types.engine import (
        Engine as Engine,
    )
    from edgemed.types.engine import (
        EngineList as EngineList,
    )
    from edgemed.types.engine import (
        EnginePackage as EnginePackage,
    )
    from edgemed.types.engine import (
        EngineSpec as EngineSpec,
    )
    from edgemed.types.figures import (
        AgreementFigures as AgreementFigures,
    )
    from edgemed.types.figures import (
        Figure as Figure,
    )
    from edgemed.types.figures import (
        Figures as Figures,
    )
    from edgemed.types.figures import (
        Flip as Flip,
    )
    from edgemed.types.figures import (
        Latency as Latency,
    )
    from edgemed.types.figures import (
        SpeedRatio as SpeedRatio,
    )
    from edgemed.types.graph import Graph as Graph
    from edgemed.types.judge_spec import JudgeSpec as JudgeSpec
    from edgemed.types.judge_spec import Margins as Margins
    from edgemed.types.limits import Limits as Limits
    from edgemed.types.manifest import (
        FORMAT_VERSION as FORMAT_VERSION,
    )
    from edgemed.types.manifest import (
        Manifest as Manifest,
    )
    from edgemed.types.manifest import (
        Precision as Precision,
    )
    from edgemed.types.pruning import (
        LayerChange as LayerChange,
    )
    from edgemed.types.pruning import (
        LeftAlone as LeftAlone,
    )
    from edgemed.types.pruning import (
        Pruning as Pruning,
    )
    from edgemed.types.pruning import (
        PruningFacts as PruningFacts,
    )
    from edgemed.types.pruning import (
        Recovery as Recovery,
    )
    from edgemed.types.raw_signal import RawSignal as RawSignal
    from edgemed.types.recipe import (
        Agreement as Agreement,
    )
    from edgemed.types.recipe import (
        DataSpec as DataSpec,
    )
    from edgemed.types.recipe import (
        GoldenSpec as GoldenSpec,
    )
    from edgemed.types.recipe import (
        InputRecipe as InputRecipe,
    )
    from edgemed.types.recipe import (
        ModelSpec as ModelSpec,
    )
    from edgemed.types.recipe import (
        OutputRecipe as OutputRecipe,
    )
    from edgemed.types.recipe import (
        PruneSpec as PruneSpec,
    )
    from edgemed.types.recipe import (
        QuantiseSpec as QuantiseSpec,
    )
    from edgemed.types.recipe import (
        Recipe as Recipe,
    )
    from edgemed.types.recipe import (
        Step as Step,
    )
    from edgemed.types.recipe import (
        TrialsSpec as TrialsSpec,
    )
    from edgemed.types.record import (
        Record as Record,
    )
    from edgemed.types.record import (
        did_you_mean as did_you_mean,
    )
    from edgemed.types.record import (
        digest_of as digest_of,
    )
    from edgemed.types.record import (
        digest_of_file as digest_of_file,
    )
    from edgemed.types.sample import Resized as Resized
    from edgemed.types.sample import Sample as Sample
    from edgemed.types.sample import SampleSet as SampleSet
    from edgemed.types.signal_range import SignalRange as SignalRange
    from edgemed.types.tensor import (
        DType as DType,
    )
    from edgemed.types.tensor import (
        Ending as Ending,
    )
    from edgemed.types.tensor import (
        InputSpec as InputSpec,
    )
    from edgemed.types.tensor import (
        Kind as Kind,
    )
    from edgemed.types.tensor import (
        Layout as Layout,
    )
    from edgemed.types.tensor import (
        OutputSpec as OutputSpec,
    )
    from edgemed.types.value_range import ValueRange as ValueRange
    from edgemed.types.verdict import (
        Coverage as Coverage,
    )
    from edgemed.types.verdict import (
        Difference as Difference,
    )
    from edgemed.types.verdict import (
        LimitsOfAgreement as LimitsOfAgreement,
    )
    from edgemed.types.verdict import (
        Opening as Opening,
    )
    from edgemed.types.verdict import (
        Outcome as Outcome,
    )
    from edgemed.types.verdict import (
        Reliability as Reliability,
    )
    from edgemed.types.verdict import (
        Temperature as Temperature,
    )
    from edgemed.types.verdict import (
        Verdict as Verdict,
    )
else:
    __getattr__ = at_first_use(
        __name__,
        {
            "card": "CardSpec",
            "compilation": (
                "CandidateResult Compilation DataFacts LayerPrecision ModelFacts OriginalResult "
                "ParityFacts RocCurve StageTime"
            ),
            "decisions": "Decisions RecoveryCourse",
            "engine": "Engine EngineList EnginePackage EngineSpec",
            "figures": "AgreementFigures Figure Figures Flip Latency SpeedRatio",
            "graph": "Graph",
            "judge_spec": "JudgeSpec Margins",
            "limits": "Limits",
            "manifest": "FORMAT_VERSION Manifest Precision",
            "pruning": "LayerChange LeftAlone Pruning PruningFacts Recovery",
            "acquisition": "Acquisition",
            "raw_signal": "RawSignal",
            "recipe": (
                "Agreement DataSpec GoldenSpec InputRecipe ModelSpec OutputRecipe PruneSpec "
                "QuantiseSpec Recipe Step TrialsSpec"
            ),
            "record": "Record did_you_mean digest_of digest_of_file",
            "sample": "Resized Sample SampleSet",
            "signal_range": "SignalRange",
            "tensor": "DType Ending InputSpec Kind Layout OutputSpec",
            "value_range": "ValueRange",
            "verdict": (
                "Coverage Difference LimitsOfAgreement Opening Outcome Reliability Temperature Verdict"
            ),
        },
    )
