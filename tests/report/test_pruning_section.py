"""Pruning in the report: what was removed, what stayed and why, and the course of the recovery."""

from __future__ import annotations

import dataclasses
import re

import pytest

from edgemed.report.headline import headline
from edgemed.report.numerals import amount
from edgemed.report.pruning import all_dropped, epochs_done, loss_rows
from edgemed.report.recovery_chart import recovery_chart


def without_recovery(compilation):
    facts = dataclasses.replace(
        compilation.pruning, recovery=None, unrecovered="pruned without recovery (--budget 0)"
    )
    return dataclasses.replace(compilation, pruning=facts)


def recovered(compilation, **fields):
    recovery = dataclasses.replace(compilation.pruning.recovery, **fields)
    return dataclasses.replace(
        compilation, pruning=dataclasses.replace(compilation.pruning, recovery=recovery)
    )


def test_layers_and_counts_are_told_before_and_after(pruned, look):
    section = look(pruned).section("pruning")
    assert "Parameters 1.40 M original 2.78 M; 50.41 % left" in section.text
    assert "Multiply-adds per case 40.9 M original 71.3 M; 57.35 % left" in section.text
    assert "layer1.0.conv1 Conv2d 64 48 channels 64 64" in section.text
    assert "layer1.0.conv2 Conv2d 64 64 channels 64 48" in section.text
    assert "encoder.attention MultiheadAttention 8 6 heads 512 512" in section.text


def test_layers_left_alone_are_grouped_by_reason_and_folded(pruned, look):
    section = look(pruned).section("pruning")
    (folded,) = section.all(r"<details><summary>3 layers with all outputs left.*?</details>")
    assert folded.count("its output is added to one that stays whole") == 1
    assert "layer1.0.conv2, layer2.0.conv2" in folded


def test_a_long_table_of_layers_is_folded(pruned, look):
    assert "<details open><summary>3 layers changed" in look(pruned).page
    pruning = pruned.pruning.pruning
    longer = dataclasses.replace(pruning, layers=pruning.layers * 6)
    many = dataclasses.replace(pruned, pruning=dataclasses.replace(pruned.pruning, pruning=longer))
    assert "<details><summary>18 layers changed" in look(many).page


def test_the_recovery_is_told(pruned, look):
    text = look(pruned).section("pruning").text
    for told in (
        "270 of the calibration set, without labels; 30 more held out",
        "8 of 20 epochs",
        "4.20 min",
        "the budget has room for no more",
        "after pruning 1.94",
        "after BatchNorm 0.412",
        "epoch 7, kept 0.0451",
        "epoch 8 0.0453",
        *pruned.pruning.recovery.notes,
    ):
        assert told in text
    assert "epoch 3 0.0" not in re.sub(r'aria-label="[^"]*"', "", text)
    assert "Without recovery" not in text


@pytest.mark.parametrize(
    ("stopped", "told"), [("diverged", "it diverged"), ("epochs", "all planned epochs were done")]
)
def test_why_it_stopped_is_told(pruned, look, stopped, told):
    assert f"Stopped because {told}" in look(recovered(pruned, stopped=stopped)).section("pruning").text


@pytest.mark.parametrize(
    ("done", "planned", "told"),
    [
        (8, 20, "8 of 20 epochs"),
        (5, 5, "5 epochs, as many as the budget allows (of 20)"),
        (1, 1, "1 epoch, as many as the budget allows (of 20)"),
        (4, 5, "4 of the 5 epochs that the budget allows (of 20)"),
    ],
)
def test_epochs_are_counted_against_the_budget_and_the_recipe(pruned, done, planned, told):
    recovery = dataclasses.replace(pruned.pruning.recovery, losses=(0.1,) * done, epochs_planned=planned)
    assert epochs_done(recovery, 20) == told


@pytest.mark.parametrize("refused", ["does not agree: ", "refused on the acceptance set: "])
@pytest.mark.parametrize(
    ("calibrate", "recovery", "told"),
    [
        ("cal.npz", {"stopped": "budget"}, "try a larger --budget"),
        ("cal.npz", {"stopped": "epochs"}, "try a smaller --prune"),
        ("cal.npz", {"stopped": "diverged", "epochs_planned": 5}, "try a smaller --prune"),
        ("cal.npz", None, "try a larger --budget"),
        (None, None, "try --calibrate SET, to recover on"),
    ],
)
def test_where_no_pruned_candidate_agrees_the_way_on_is_told(
    pruned, drop_pruned, look, refused, calibrate, recovery, told
):
    found = None if recovery is None else dataclasses.replace(pruned.pruning.recovery, **recovery)
    lost = drop_pruned(pruned, f"{refused}AUC differs by 0.1, limit 0.002", found)
    lost = dataclasses.replace(lost, recipe={**lost.recipe, "data": {"calibrate": calibrate}})
    assert all_dropped(lost) == f"all pruned candidates are dropped: {told}"
    assert f"All pruned candidates are dropped: {told}." in look(lost).section("pruning").text


def test_pruned_candidates_that_agree_and_are_slower_need_no_way_on(pruned, drop_pruned):
    slower = drop_pruned(pruned, "slower than openvino-int8 (ratio 0.29): 3 ms; agrees: AUC differs by 0")
    assert all_dropped(slower) == "all pruned candidates are dropped"
    assert all_dropped(pruned) == ""


def test_losses_are_drawn_in_order_with_the_kept_state_large(pruned):
    recovery = pruned.pruning.recovery
    drawing = recovery_chart(recovery)
    losses = [recovery.loss_pruned, recovery.loss_batch_norm, *recovery.losses]
    found = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="(\d)"', drawing)
    assert len(found) == len(losses) == 10
    assert [radius for *_, radius in found].index("5") == losses.index(min(losses))
    heights = [float(y) for _, y, _ in found]
    assert sorted(range(10), key=lambda n: -heights[n]) == sorted(range(10), key=lambda n: losses[n])
    assert "held-out loss, logarithmic" in drawing
    assert "logarithmic" not in recovery_chart(dataclasses.replace(recovery, loss_pruned=0.6))
    assert "epoch 7 0.0451" in re.search('aria-label="([^"]+)"', drawing)[1]


def test_a_loss_that_was_not_finite_is_a_gap(pruned, look):
    broken = recovered(pruned, loss_pruned=None, losses=(0.2, None, 0.1, 0.15), loss_best=0.1, best_epoch=3)
    drawing = recovery_chart(broken.pruning.recovery)
    assert drawing.count("<circle") == 4
    assert drawing.count("<polyline") == 2
    assert "after pruning not finite" in look(broken).section("pruning").text


def test_labels_of_many_epochs_do_not_touch(pruned):
    long = dataclasses.replace(
        pruned.pruning.recovery, losses=(0.3,) * 120, epochs_planned=120, loss_best=0.3, best_epoch=1
    )
    marks = re.findall(
        r'class="tick-text" x="([\d.]+)" y="(\d+)" text-anchor="middle">([^<]+)<', recovery_chart(long)
    )
    for index, (x, y, text) in enumerate(marks):
        for x2, y2, other in marks[:index]:
            room = 3.4 * (len(text) + len(other))
            assert y != y2 or abs(float(x) - float(x2)) >= room, (text, other)


def test_without_recovery_is_said_loudly(pruned, look):
    page = look(without_recovery(pruned))
    (loud,) = page.section("pruning").all(r'<p class="loud">.*?</p>')
    assert "<strong>Pruned without recovery (--budget 0).</strong>" in loud
    assert "<h3>" not in page.section("pruning").page
    assert "It is stamped: pruned without recovery (--budget 0)." in headline(without_recovery(pruned)).caveat
    assert "recovery" not in headline(pruned).caveat


def test_a_recovery_that_failed_is_not_told_as_none(pruned, look):
    failed = recovered(pruned, best_epoch=0, loss_best=0.412, stopped="diverged")
    facts = dataclasses.replace(
        failed.pruning, unrecovered=f"recovery failed: {failed.pruning.recovery.failure}"
    )
    failed = dataclasses.replace(failed, pruning=facts)
    section = look(failed).section("pruning")
    (loud,) = section.all(r'<p class="loud">.*?</p>')
    assert "<strong>Recovery failed: it diverged before it had made the model better.</strong>" in loud
    assert "<h3>Recovery</h3>" in section.page
    assert "It is stamped: recovery failed: it diverged" in headline(failed).caveat


@pytest.mark.parametrize("in_export", [True, False])
def test_a_dropped_model_is_told_instead_of_its_recovery(pruned, look, in_export):
    recovery = pruned.pruning.recovery if in_export else None
    facts = dataclasses.replace(pruned.pruning, recovery=recovery, dropped="recovery failed: NaN; give less")
    section = look(dataclasses.replace(pruned, pruning=facts)).section("pruning")
    (loud,) = section.all(r'<p class="loud">.*?</p>')
    assert "<strong>The pruned model is dropped.</strong> Recovery failed: NaN; give less." in loud
    assert "pruned artefact" not in section.text
    assert "<h3>Recovery</h3>" not in section.page


def test_a_pruned_best_is_never_called_the_original(pruned):
    same = dataclasses.replace(pruned.candidate("onnxruntime-fp32-pruned"), status="kept")
    told = headline(dataclasses.replace(pruned, candidates=(same,), best=same.id))
    assert told.sentence.startswith("onnxruntime-fp32-pruned is kept: it takes 0.6")
    assert "the original itself" not in told.sentence
    assert headline(pruned).sentence.startswith("openvino-int8-pruned is kept: it takes 0.18")


def test_nothing_is_said_of_pruning_where_there_was_none(compilation, look):
    assert look(compilation).section("pruning").page == ""


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0"), (950, "950"), (84_225, "84.2 k"), (2_781_442, "2.78 M"), (4_089_184_256, "4.09 G")],
)
def test_large_counts_are_short(count, told):
    assert amount(count).replace("\N{NO-BREAK SPACE}", " ") == told


def test_the_state_that_a_budget_cut_in_the_middle_of_an_epoch_is_the_one_that_is_kept(pruned):
    cut = recovered(pruned, losses=(), loss_best=0.2, best_epoch=1)
    rows = loss_rows(cut.pruning.recovery)
    assert [(row.state, row.loss) for row in rows if row.kept] == [("epoch 1, cut by the budget", 0.2)]


def test_where_no_epoch_was_better_the_start_is_kept(pruned):
    before = recovered(pruned, losses=(2.5,), loss_best=0.412, best_epoch=0)
    rows = loss_rows(before.pruning.recovery)
    assert [row.state for row in rows if row.kept] == ["after BatchNorm"]
