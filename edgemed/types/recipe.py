"""Recipe: everything a compile depends on, as read from TOML. See calibration/README.md for the schema."""

from __future__ import annotations

import math
import re
from dataclasses import field
from typing import Any, Literal

from edgemed.errors import BadInput
from edgemed.types.acquisition import LAYOUT, Acquisition
from edgemed.types.card import CardSpec
from edgemed.types.judge_spec import JudgeSpec
from edgemed.types.manifest import MOST_GOLDEN_CASES, Precision
from edgemed.types.record import Record
from edgemed.types.tensor import DType, Ending, Kind, Layout


class ModelSpec(Record):
    """Where the trained model is.

    `source`: `model.onnx`, `model.pt2` or `file.py:factory`; `weights`: `.safetensors` or `.pt` for a
    factory; `factory_args`: keyword arguments of the factory.
    """

    source: str
    weights: str | None = None
    factory_args: dict[str, Any] = field(default_factory=dict)


class Step(Record):
    """One preprocessing step: `op` and its arguments. `edgemed.preprocess` knows the ops and checks them."""

    op: str
    args: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def unfold(cls, data: dict[str, Any], where: str) -> dict[str, Any]:
        """`{op = "scale", by = 2}` is `{op = "scale", args = {by = 2}}`."""
        if set(data) <= {"op", "args"}:
            return data
        return {"op": data.get("op"), "args": {key: value for key, value in data.items() if key != "op"}}


class InputRecipe(Record):
    """`[inputs.NAME]`: the raw array of one sample and the steps that bring it to the model's tensor.

    Left out: the model's own input, float32, no steps. `training_function` (`file.py:function`) names the
    preprocessing used in training; it is compared with the steps on real samples.
    """

    dtype: DType = "float32"
    shape: tuple[int, ...] = ()
    layout: Layout = ""
    steps: tuple[Step, ...] = ()
    training_function: str | None = None
    acquisition: Acquisition | None = None
    """How the raw MR signals that the model was trained on were taken: sets taken otherwise are refused."""

    def __post_init__(self) -> None:
        if self.acquisition is not None and self.layout != LAYOUT:
            raise BadInput(
                "an acquisition is of raw MR signals only",
                where="acquisition",
                remedy=f'set layout = "{LAYOUT}", or leave it out',
            )


class OutputRecipe(Record):
    """`[outputs.NAME]`: what a head means. Left out: found from the graph's ending and width."""

    kind: Kind | None = None
    ending: Ending | None = None
    labels: tuple[str, ...] = ()
    threshold: float = 0.5
    unit: str = ""

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold < 1.0:
            raise BadInput(f"threshold {self.threshold} is not between 0 and 1", where="outputs")


class DataSpec(Record):
    """`[data]`: three sets, each `PATH` or `PATH::key=value,...` (see edgemed/readers)."""

    calibrate: str | None = None
    select: str | None = None
    accept: str | None = None
    skip_bad: bool = False

    @property
    def given(self) -> tuple[Literal["calibrate", "select", "accept"], ...]:
        """The roles that have a set."""
        sets: dict[Literal["calibrate", "select", "accept"], str | None]
        sets = {"calibrate": self.calibrate, "select": self.select, "accept": self.accept}
        return tuple(role for role, ref in sets.items() if ref is not None)


class QuantiseSpec(Record):
    """`[quantise]`: how int8 scales are found."""

    samples: int = 300
    preset: Literal["mixed", "performance"] = "mixed"
    ranges: Literal["minmax", "mean_minmax"] = "minmax"
    """minmax clips no calibration sample by over a step; mean_minmax (NNCF's default) averages ranges."""
    weight_bits: Literal["auto", "7", "8"] = "auto"
    """7 keeps int8 sums from saturating on x86 CPUs without VNNI; auto is 8 where the CPU has VNNI."""
    bias_correction: bool = False
    """NNCF's fast correction of biases. On two nets trained on real X-rays it cost 6 and 17 dB of SNR."""
    keep_float: tuple[str, ...] = ()
    """Names (or regular expressions) of nodes that stay in float, beside the defaults."""

    def __post_init__(self) -> None:
        _at_least("quantise.samples", self.samples, 2)


class PruneSpec(Record):
    """`[prune]`: structured pruning of a torch module, and how it recovers. A ratio of 0 prunes nothing."""

    ratio: float = 0.0
    """Share of the channels (attention heads) of each layer that go."""
    layers: dict[str, float] = field(default_factory=dict)
    """Ratios of single layers, by the module's name or a regular expression; 0 leaves a layer whole."""
    round_to: int = 8
    """Channels that remain are a multiple of it: what SIMD and tensor cores compute at once."""
    budget_min: float = 10.0
    """Minutes of recovery at most; 0 recovers nothing, and the artefact is stamped so."""
    epochs: int = 200
    """Passes over the calibration set at most."""
    learning_rate: float = 3e-3
    batch: int = 32
    use_labels: bool = False
    """The calibration set's labels join the loss, where it has some."""

    def __post_init__(self) -> None:
        for where, ratio in (("ratio", self.ratio), *((f"layers.{k}", v) for k, v in self.layers.items())):
            if not 0.0 <= ratio < 1.0:
                raise BadInput(
                    f"{ratio:g} is not a share from 0 to below 1",
                    where=f"prune.{where}",
                    remedy="write .5 to remove half of the channels",
                )
        _at_least("prune.round_to", self.round_to, 1)
        _at_least("prune.epochs", self.epochs, 1)
        _at_least("prune.batch", self.batch, 2)
        if not 0 <= self.budget_min < math.inf:
            raise BadInput(f"{self.budget_min} is no number of minutes", where="prune.budget_min")
        if not 0 < self.learning_rate < 1:
            raise BadInput(f"{self.learning_rate} is no learning rate", where="prune.learning_rate")

    @property
    def wanted(self) -> bool:
        return self.ratio > 0 or any(self.layers.values())

    @property
    def learns_labels(self) -> bool:
        return self.wanted and self.use_labels and self.budget_min > 0


class Agreement(Record):
    """`[agreement]`: how near a candidate must stay to the original."""

    decisions: float = 0.99
    auc: float = 0.002
    loss: float = 0.05
    """Of sensitivity or specificity of any class: 99 % of decisions can hide a rare class that is lost."""
    snr_db: float = 20.0

    def __post_init__(self) -> None:
        for name, share in (("decisions", self.decisions), ("auc", self.auc), ("loss", self.loss)):
            if not 0.0 <= share <= 1.0:
                raise BadInput(
                    f"{name} {share:g} is not a share between 0 and 1",
                    where=f"agreement.{name}",
                    remedy=f"write .99 for 99 %, so {share / 100:g} for {share:g} %" if share > 1 else "",
                )


class GoldenSpec(Record):
    """`[golden]`: the cases stored with an artefact for replay."""

    cases: int = 64
    may_ship: bool = False
    """True stores real samples of the calibration set. An artefact leaves the hospital: know what you do."""

    def __post_init__(self) -> None:
        _at_least("golden.cases", self.cases, 1)
        if self.cases > MOST_GOLDEN_CASES:
            raise BadInput(f"{self.cases} cases, at most {MOST_GOLDEN_CASES}", where="golden.cases")


class TrialsSpec(Record):
    """`[trials]`: how the candidates are timed against each other before one is chosen."""

    launches: int = 5
    """Fresh processes. Launches differ: an interval over 5 of them covers 94 %, over 3 75 %."""
    seconds: float = 0.5
    """Per candidate and launch, beside the warm-up."""

    def __post_init__(self) -> None:
        _at_least("trials.launches", self.launches, 1)
        if not 0 < self.seconds < math.inf:
            raise BadInput(f"{self.seconds} is no length of time", where="trials.seconds")


class Recipe(Record):
    """Everything a compile depends on. Paths are relative to the recipe's folder."""

    model: ModelSpec
    name: str = "model"
    version: str = "0.1.0"
    seed: int = 0
    target: str = "host"
    precisions: tuple[Precision, ...] = ("fp32", "fp16", "bf16", "int8")
    threads: int = 1
    data: DataSpec = field(default_factory=DataSpec)
    inputs: dict[str, InputRecipe] = field(default_factory=dict)
    outputs: dict[str, OutputRecipe] = field(default_factory=dict)
    prune: PruneSpec = field(default_factory=PruneSpec)
    quantise: QuantiseSpec = field(default_factory=QuantiseSpec)
    agreement: Agreement = field(default_factory=Agreement)
    judge: JudgeSpec = field(default_factory=JudgeSpec)
    trials: TrialsSpec = field(default_factory=TrialsSpec)
    golden: GoldenSpec = field(default_factory=GoldenSpec)
    card: CardSpec = field(default_factory=CardSpec)

    def __post_init__(self) -> None:
        _at_least("threads", self.threads, 1)
        _at_least("seed", self.seed, 0)
        for key, text in (("name", self.name), ("version", self.version)):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+ -]*", text):
                raise BadInput(
                    f"{key} {text!r} names files and packages later",
                    where=key,
                    remedy="use letters, digits, '-', '_', '.' and spaces, a letter or digit first",
                )


def _at_least(where: str, value: int, least: int) -> None:
    if value < least:
        raise BadInput(f"{value} is too small; at least {least} is needed", where=where)
