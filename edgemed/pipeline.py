"""From a trained model to verified artefacts: the steps, in order, as DESIGN.md draws them."""

from __future__ import annotations

import itertools

from edgemed.report import write_report
from edgemed.stages.acceptance import accept
from edgemed.stages.artefacts import ORIGINAL, build_all, notes_of, stamps_for
from edgemed.stages.cases import list_cases
from edgemed.stages.choose import choose, missed_by
from edgemed.stages.data import check_data, check_paths
from edgemed.stages.decisions import as_decided, check_data_of, check_recipe_of, write_decisions
from edgemed.stages.documents import write_documents
from edgemed.stages.doubts import dead_columns, doubts
from edgemed.stages.forms import make_forms, make_pruned_forms
from edgemed.stages.golden import make_golden_inputs
from edgemed.stages.graph import make_graph
from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job
from edgemed.stages.labels import check_labels
from edgemed.stages.ledger import read_ledger
from edgemed.stages.machine import sums_saturate
from edgemed.stages.pictures import flipped_pictures
from edgemed.stages.plan import make_plan
from edgemed.stages.probabilities import check_asked, coverages, diagrams, shifts
from edgemed.stages.pruning import make_pruned, remove_channels, stamps_of
from edgemed.stages.results import Findings, compilation
from edgemed.stages.selection import compare_with_original, compared_set, figures_of, selection_predictions
from edgemed.stages.shelf import check_shelf, shelve, sweep
from edgemed.stages.temperature import scale_pruned, scale_temperature
from edgemed.stages.trials import latencies_s, load_costs
from edgemed.types import Compilation


def compile_model(job: Job, command: str, *, with_images: bool = False) -> Compilation:
    """Run every step of `job`; `command` is what repeats it, for the report.

    `with_images` puts pictures of flipped cases into the report.

    Writes `artefacts/<id>/`, `original/`, what a bundle holds beside them, `decisions.json`, `report.json`
    and `report.html` under `job.out`. A result that may not be kept is a result: see `Compilation.best`.
    Raises `BadInput` for what the user can mend and
    `ToolFailure` when the machine or a tool that everything needs has failed, `Untrusted` when what was put
    into `artefacts/` is not what was judged.

    An earlier report goes before the first artefact changes: a folder with a report is whole.
    """
    with job.alone():
        sweep(job.out)
        check_shelf(job.out, job.shown_out)
        read_ledger(job.out)
        return _compile(job, command, with_images=with_images)


def _compile(job: Job, command: str, *, with_images: bool) -> Compilation:
    check_paths(job.recipe, job.base)
    check_recipe_of(job.decisions, job.recipe)
    plan, candidates, target = make_plan(job.recipe, job.base, job.targets)
    check_asked(job.recipe.judge, job.recipe.data.given)
    inputs = fit_inputs(job)
    removal = remove_channels(job, inputs)
    sets, data, told = check_data(job, inputs.raw)
    warnings = job.warn(told)
    graph, model, parity = make_graph(job, inputs, sets.get("calibrate"))
    learnt, judge = job.recipe.prune.learns_labels, job.recipe.judge
    sets, data, told = check_labels(sets, data, graph.outputs, learnt=learnt, judge=judge)
    warnings += job.warn((*model.notes, *told, *check_data_of(job, data)))
    labelled = {each.role for each in data if each.labelled}
    check_asked(judge, labelled)
    graph, temperatures, told = scale_temperature(job, graph, sets)
    warnings += job.warn(told)

    calibrate, saturates = sets.get("calibrate"), sums_saturate(target)
    forms = {False: make_forms(job, graph, calibrate, plan.forms, saturates=saturates)}
    pruned = scale_pruned(job, make_pruned(job, inputs, removal, graph, model, calibrate), temperatures)
    forms[True] = make_pruned_forms(job, pruned, calibrate, plan.forms, saturates=saturates)
    golden = make_golden_inputs(job, graph, calibrate)
    stamps = stamps_for(data, gate=judge.gate)
    built, failures = build_all(
        job, graph, candidates, forms, golden, data,
        {False: stamps, True: (*stamps, *stamps_of(pruned))}, target,
    )  # fmt: skip
    warnings += job.warn(notes_of(built))

    compared_on, source = compared_set(sets)
    answers, broken = selection_predictions(job, built, compared_on, source)
    there = figures_of(graph.outputs, answers[ORIGINAL.id])
    warnings += job.warn(doubts(there, compared_on, answers[ORIGINAL.id]))
    if source is not None:
        warnings += job.warn(dead_columns(graph.outputs, answers[ORIGINAL.id], compared_on))
    figures, absurd = compare_with_original(graph.outputs, answers)
    executed = [built[name] for name in figures if not built[name].candidate.stand_in]
    costs, unloadable = load_costs(job, executed)
    latencies, untimed = latencies_s(job, [built[name] for name in costs])
    failures |= broken | absurd | unloadable | untimed
    missed = missed_by(candidates, target.limits, latencies, costs)
    choice = choose(candidates, figures, latencies, job.recipe.agreement, "select" in labelled, missed)
    choice = as_decided(job, choice, choice.reasons)
    verified = accept(
        job, graph.outputs, built, choice, sets.get("accept"), command, labelled="accept" in labelled
    )
    built |= {name: built[name].judged(verdict) for name, verdict in verified.verdicts.items()}

    seen = verified.answers.get("original")
    warnings += job.warn(doubts(verified.figures.get("original", ()), "accept", seen))
    reliability = diagrams(graph.outputs, verified.answers, temperatures)
    coverage = coverages(judge.conformal, graph.outputs, answers, verified.answers)
    warnings += job.warn(shifts(graph.outputs, verified.answers, temperatures, coverage))
    kept = tuple(itertools.chain(*verified.kept.values()))
    shelve(job, built, kept)
    write_documents(job, built, kept)
    write_decisions(job, data, choice, pruned)
    found = Findings(
        graph, model, data, parity, plan, candidates, built, failures, figures, latencies, costs,
        choice, compared_on, verified, stamps, warnings, pruned, temperatures,
        reliability, coverage,
    )  # fmt: skip
    result = compilation(job, found, command)
    list_cases(job, graph.outputs, verified)
    pictures = flipped_pictures(job, sets.get("accept"), verified) if with_images else ()
    write_report(result, job.out, pictures)
    return result
