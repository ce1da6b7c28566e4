"""The table of cases needed: which cases each metric is counted on, and what a set reaches."""

from __future__ import annotations

import numpy as np
import pytest

from edgemed.errors import BadInput
from edgemed.judge import Pairs, judge_pairs
from edgemed.judge.figures import class_counts
from edgemed.judge.paired_means import macro_difference, mean_difference
from edgemed.judge.power import SHARE, cases_for_share, power_of
from edgemed.judge.power_table import FLIPS, MEAN, ClassCases, power_table, proves_mean
from edgemed.judge.tango import fewest_cases
from edgemed.judge.unseen import fewest_units
from edgemed.types import JudgeSpec, Margins, OutputSpec

NO_MARGINS = Margins(auc=None, sensitivity=None, specificity=None, brier=None)


def test_each_metric_is_counted_on_its_own_cases():
    margins = Margins(auc=0.02, sensitivity=0.05, specificity=0.06, brier=0.01, accuracy=0.03)
    table = power_table(JudgeSpec(margins=margins), [ClassCases("out", {"": 120}, 500)], [0.01])
    found = {each.metric: (each.counted, each.have, each.margin) for each in table.needs}
    assert found == {
        "sensitivity": ("positives", 120, 0.05),
        "specificity": ("negatives", 380, 0.06),
        "auc": ("smaller class", 120, 0.02),
        "accuracy": ("cases", 500, 0.03),
        "brier": ("cases", 500, 0.01),
    }
    for each in table.needs:
        rule = MEAN if each.metric in ("auc", "brier") else SHARE
        assert each.cases == cases_for_share(0.005, 0.005, each.margin, 0.025, 0.8, rule)
        exact = power_of(each.have or 0, 0.005, 0.005, each.margin, 0.025, rule)
        assert each.power == (0 if each.metric == "auc" else exact)


def test_without_a_set_only_the_needs_are_told():
    table = power_table(JudgeSpec())
    assert [each.flips for each in table.needs if each.metric == "auc"] == list(FLIPS)
    assert {each.have for each in table.needs} == {each.power for each in table.needs} == {None}
    assert table.together == ()


def test_all_together_is_a_lower_bound_and_too_few_cases_prove_nothing():
    margins = Margins(auc=None, sensitivity=0.05, specificity=0.05, brier=None)
    two = power_table(JudgeSpec(margins=margins), [ClassCases("", {"": 120}, 400)], [0.0, 0.02])
    powers = [each.power or 0.0 for each in two.needs if each.flips == 0.02]
    assert [each.flips for each in two.together] == [0.0, 0.02]
    assert two.together[0].power == 1
    assert two.together[1].power == pytest.approx(sum(powers) - 1)
    assert two.together[1].power <= powers[0] * powers[1]
    few = power_table(JudgeSpec(margins=margins), [ClassCases("", {"": 0}, 400)], [0.02])
    assert few.together[0].power == 0
    assert few.needs[0].power == 0


def test_every_class_has_its_own_rows_and_every_output_its_own_margins():
    spec = JudgeSpec(margins=Margins(brier=None), outputs={"b": {"sensitivity": 0.1}})
    sets = [ClassCases("a", {"x": 100, "y": 200}, 300), ClassCases("b", {"": 80}, 300)]
    rows = [
        (each.output, each.label, each.metric, each.margin) for each in power_table(spec, sets, [0]).needs
    ]
    assert [row for row in rows if row[2] == "sensitivity"] == [
        ("a", "x", "sensitivity", 0.05), ("a", "y", "sensitivity", 0.05), ("b", "", "sensitivity", 0.1),
    ]  # fmt: skip
    assert len(rows) == 9


def test_the_gate_and_the_table_begin_at_the_same_number_of_cases():
    """Means are held to another bound than shares: 149 cases against 152 at this alpha."""
    spec = JudgeSpec(alpha=0.05, margins=Margins(auc=0.02, sensitivity=0.02, specificity=None, brier=None))
    (auc, sensitivity) = sorted(
        power_table(spec, [ClassCases("", {"": 150}, 400)], [0]).needs, key=lambda each: each.metric
    )
    assert (auc.cases, auc.power) == (fewest_units(0.02, 0.05), 1) == (149, 1)
    assert (sensitivity.cases, sensitivity.power) == (fewest_cases(0.02, 0.05), 0) == (152, 0)


def rows_of(kind, positives):
    table = power_table(JudgeSpec(), [ClassCases("", positives, 900, kind)], [0.005])
    return table, {(each.metric, each.label): each for each in table.needs}


def test_every_label_is_held_to_its_own_brier_score():
    table, rows = rows_of("multilabel", {"mass": 300, "fluid": 400})
    assert {label for metric, label in rows if metric == "brier"} == {"mass", "fluid"}
    assert table.together[0].power == pytest.approx(1 - sum(1 - each.power for each in table.needs))


def test_means_over_classes_are_counted_as_if_all_cases_were_of_the_heaviest_class():
    """Sensitivity: 100 of the rarest of three classes weigh a third of the mean, so like 300 cases."""
    table, rows = rows_of("multiclass", {"a": 100, "b": 300, "c": 500})
    mean = rows["sensitivity", "macro"]
    assert (mean.counted, mean.have) == ("cases", 900)
    assert mean.power == power_of(300, 0.0025, 0.0025, 0.05, 0.025, MEAN)
    assert mean.cases == 3 * cases_for_share(0.0025, 0.0025, 0.05, 0.025, 0.8, MEAN)
    assert rows["auc", "macro"].power >= rows["auc", "a"].power
    assert rows["specificity", "macro"].power > 0.9
    assert ("brier", "") in rows
    assert table.together[0].power == max(0, 1 - sum(1 - each.power for each in table.needs))


def test_every_figure_that_decides_a_verdict_has_a_row():
    """Of a verdict on answers of each kind, with the same cases."""
    random = np.random.default_rng(0)
    for kind in ("binary", "multiclass", "multilabel"):
        columns = 1 if kind == "binary" else 3
        output = OutputSpec("out", kind, columns)
        targets = random.integers(3 if kind == "multiclass" else 2, size=(200, columns))
        targets = targets if kind == "multilabel" else targets[:, 0]
        scores = random.dirichlet(np.ones(columns), 200) if columns > 1 else random.random((200, 1))
        pairs = Pairs(tuple(map(str, range(200))), {"out": scores}, {"out": scores}, {"out": targets})
        verdict = judge_pairs((output,), pairs, JudgeSpec(margins=Margins(accuracy=0.05)), 0)
        counts = class_counts(output, targets)
        positives = {"": counts["positive"]} if kind == "binary" else counts
        spec = JudgeSpec(margins=Margins(accuracy=0.05))
        table = power_table(spec, [ClassCases("out", positives, 200, kind)], [0])
        rows = sorted((each.metric, each.label) for each in table.needs)
        assert rows == sorted((each.metric, each.label) for each in verdict.deciding)


def test_the_mean_over_classes_is_proven_at_least_as_often_as_told():
    """Decisions of three classes of unlike size, judged as a verdict judges them."""
    kinds = np.repeat(np.arange(3), [60, 150, 290])
    counted = kinds[:, None] == np.arange(3)
    random = np.random.default_rng(1)
    proven = []
    for _ in range(1500):
        change = np.where(random.random(500) < 0.05, np.where(random.random(500) < 0.5, -1.0, 1.0), 0.0)
        before, after = np.where(change < 0, 1.0, 0.0), np.where(change > 0, 1.0, 0.0)
        found = macro_difference(
            counted * before[:, None], counted * after[:, None], counted, kinds, 0.025, None
        )
        proven.append(found.low > -0.05)
    positives = {"a": 60, "b": 150, "c": 290}
    spec = JudgeSpec(margins=Margins(auc=None, specificity=None, brier=None))
    needs = power_table(spec, [ClassCases("", positives, 500, "multiclass")], [0.05]).needs
    (told,) = [each.power for each in needs if each.label == "macro"]
    assert 0.1 < told <= np.mean(proven) + 0.03


def test_a_tenth_of_an_unknown_error_is_not_noted_of_classes():
    assert power_table(JudgeSpec()).notes == ()


def test_a_margin_whose_cases_are_not_known_before_is_noted():
    table = power_table(JudgeSpec(margins=Margins(log_loss=0.1)), flips=[0.01])
    assert {each.metric for each in table.needs} == {"sensitivity", "specificity", "auc", "brier"}
    assert [note.partition(":")[0] for note in table.notes] == ["log_loss"]


@pytest.mark.parametrize(
    ("spec", "flips", "words"),
    [
        (JudgeSpec(margins=NO_MARGINS), [0.01], "no metric"),
        (JudgeSpec(), [1.5], "no share"),
        (JudgeSpec(), [float("nan")], "no share"),
    ],
)
def test_a_question_without_an_answer_is_refused(spec, flips, words):
    with pytest.raises(BadInput, match=words):
        power_table(spec, flips=flips)


def test_means_are_judged_as_the_judge_does():
    """Brier scores of which some change by the whole weight, as `mean_difference` finds them."""
    changes = np.random.default_rng(3).integers(0, 8, (40, 2))
    outcomes = set()
    for better, worse in changes:
        before, after = np.zeros(400), np.zeros(400)
        before[:better], after[200 : 200 + worse] = 1, 1
        found = mean_difference(before, after, 0.025, None, sign=-1, largest=1.0)
        assert found is not None
        outcomes.add(found.low > -0.02)
        assert bool(proves_mean(better, worse, 400, 0.02, 0.025)) == (found.low > -0.02)
    assert outcomes == {True, False}


@pytest.mark.parametrize(("n", "flips", "margin"), [(400, 0.01, 0.02), (1200, 0.02, 0.01), (300, 0.1, 0.05)])
def test_means_are_proven_as_often_as_told(n, flips, margin):
    drawn = np.random.default_rng(n).multinomial([n] * 20_000, [flips / 2, flips / 2, 1 - flips])
    proven = proves_mean(drawn[:, 0], drawn[:, 1], n, margin, 0.025).mean()
    assert power_of(n, flips / 2, flips / 2, margin, 0.025, MEAN) == pytest.approx(proven, abs=0.012)


def test_means_keep_to_what_the_search_rests_on():
    n, won, lost = np.meshgrid(np.arange(30, 300, 3), np.arange(20), np.arange(10), indexing="ij")
    good = proves_mean(won, lost, n, 0.05, 0.025)
    assert good.any()
    assert not (good[:, :, 1:] & ~good[:, :, :-1]).any()
    assert not (good[:-1] & ~good[1:]).any()
