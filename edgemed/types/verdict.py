"""Verdict: whether an artefact is proven not worse than its original, and what that rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from edgemed.types.figures import Figure
from edgemed.types.record import Record

Outcome = Literal["proven", "refuted", "not provable"]
"""Not provable: at this number of cases. It is never a pass."""


class Difference(Record):
    """One paired difference between artefact and original on the same cases, held against its margin.

    `difference` and its interval (1 - 2 alpha, two-sided) are in favour of the artefact: below 0 it is
    worse. So they are artefact minus original for `auc`, `sensitivity`, `specificity`, `accuracy` and
    `r2`, original minus artefact for `brier`, `log_loss` and `mae`, and minus the absolute shift for
    `bias`. Where a figure is not defined these are None, and `reason` says why. `outcome` is None where
    no margin is asked for; where that is a tenth of an error of 0, `margin` is None and nothing provable.

    `label` is the class or column, "" for the whole output and "macro" for the mean over classes;
    `subgroup` is such as `site=A`, "" for all cases. `n` counts what the figure is of: positives for a
    sensitivity. `better` and `worse` are the numbers of cases that only the artefact, or only the
    original, has right (None where the figure counts no decisions). `claim_false` is the probability
    that the claim "the model with the better figure is better" is false, see `edgemed.judge.claim`; None
    where cases are of groups.
    `cases_needed` is the number of cases like `n` with which it would be provable, where it is not.
    """

    output: str
    metric: str
    n: int
    original: float | None
    artefact: float | None
    difference: float | None
    low: float | None
    high: float | None
    margin: float | None
    outcome: Outcome | None
    method: str
    label: str = ""
    subgroup: str = ""
    better: int | None = None
    worse: int | None = None
    claim_false: float | None = None
    cases_needed: int | None = None
    reason: str = ""


class LimitsOfAgreement(Record):
    """Between which values artefact minus original lies in 95 of 100 cases of a regression (Bland and
    Altman 1986): their mean and 1.96 standard deviations to either side.

    The figures have the column as label, the output's unit and their own 95 % intervals.
    """

    output: str
    mean: Figure
    lower: Figure
    upper: Figure


class Verdict(Record):
    """What the judge says of one artefact, named by `artefact`, the digest of what was judged.

    `outcome` is proven where every output has differences with a margin and all of them are, refuted
    where one is, else not provable; subgroups are told and decide nothing. `original` is the digest of
    the artefact it was compared with, `data` of the acceptance set. `opening` counts how often
    acceptance data had been opened for this bundle, this time included: from the second on, what was
    learnt may have shaped the artefact. It is 0 where no ledger is kept. `executed_by` is the runtime
    that gave the answers, which for a stand-in is not the artefact's own.
    """

    outcome: Outcome
    alpha: float
    cases: int
    groups: int | None
    """Patients or duplicate groups, None where every case stands for itself."""
    differences: tuple[Difference, ...]
    notes: tuple[str, ...] = ()
    limits: tuple[LimitsOfAgreement, ...] = ()
    id: str = ""
    artefact: str = ""
    original: str = ""
    data: str = ""
    opening: int = 0
    executed_by: str = ""
    format_version: int = 1

    @property
    def as_shipped(self) -> Verdict:
        """The same without what is said of subgroups, such as a site, and of how often data were opened:
        these stay in the report."""
        whole = tuple(each for each in self.differences if not each.subgroup)
        return replace(self, differences=whole, notes=(), opening=0)

    @property
    def deciding(self) -> tuple[Difference, ...]:
        """Those that the outcome rests on."""
        return tuple(each for each in self.differences if each.outcome is not None and not each.subgroup)


class Opening(Record):
    """One line of the ledger: the acceptance set was opened to judge these artefacts.

    `data` is the set's digest, `judged` maps ids to digests of artefacts, `outcomes` ids to what was found
    (empty where the compile was cut before it knew). `opened` is ISO 8601 in UTC.
    """

    number: int
    opened: str
    data: str
    command: str
    question: str
    """Digest of margins and all else that was asked."""
    judged: dict[str, str]
    outcomes: dict[str, str]
    asked: str = ""
    """The margins, in words."""


class Temperature(Record):
    """One output's logits are divided by `value`, fitted on `n` cases of the selection set."""

    output: str
    value: float
    n: int
    log_loss_before: float
    log_loss_after: float
    threshold_before: float
    threshold_after: float
    """The same operating point."""


class Reliability(Record):
    """A reliability diagram on the acceptance set: of cases by predicted probability, how many are
    positive.

    `model` is `original`, `original before scaling` or a candidate's id. Each bin: mean predicted
    probability, observed share with its Wilson interval, and number of cases. `ece`, the expected
    calibration error, is descriptive only.
    """

    model: str
    output: str
    label: str
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    counts: tuple[int, ...]
    ece: float


class Coverage(Record):
    """Split-conformal prediction sets of one model and output: how often they hold the true class.

    `level` is the share that may miss; `threshold` the least probability of a class in a set, found on
    the selection set. `label` is "" for all acceptance cases or one class. `low` and `high` bound the
    share with 95 % (Clopper-Pearson). `size` is the mean number of classes in a set, `empty` the share
    of sets with none.
    """

    model: str
    output: str
    label: str
    level: float
    threshold: float
    n: int
    share: float
    low: float
    high: float
    size: float
    empty: float
