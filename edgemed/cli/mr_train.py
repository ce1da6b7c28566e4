"""`edgemed mr train`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from edgemed.cli.progress import ProgressBar
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.mr.figures import Figure
    from edgemed.mr.study import Architecture, Material, Study
    from edgemed.mr.trained_folder import TrainingReport
    from edgemed.types import Step

_SETS = {
    "test": "the test set",
    "validate": "the validation set, which chose the epochs and so flatters: --test SET would be stricter",
    "groups left out": "groups left out in turn",
}


@click.command(
    epilog="""\b
Examples:
  edgemed mr train signals/train.npz --validate signals/validate.npz \\
      --label lesion --value lesion_ml --unit mL --snr 1000 -o trained
  edgemed mr train scans/train.csv::group=patient --label lesion --seeds 3
  edgemed mr train decays.npz::group=substance --label kind --leave-out"""
)
@click.argument("train_set", metavar="TRAIN")
@click.option(
    "--validate", metavar="SET", help="Decides when to stop.  [default: a fifth of TRAIN's patients]"
)
@click.option("--test", metavar="SET", help="Only looked at for the figures.")
@click.option("--label", metavar="COLUMN", help="Classes to tell apart.")
@click.option(
    "--positive", metavar="CLASS",
    help="Of two classes, the one to be found.  [default: the second, by number or alphabet]",
)  # fmt: skip
@click.option("--value", metavar="COLUMN", help="A number to estimate, such as a volume.")
@click.option("--unit", default="", help="Of --value, such as mL.")
@click.option(
    "--steps", "steps_file", metavar="FILE", type=click.Path(path_type=Path),
    help="TOML file with steps = [...] as in a recipe, from the raw signal to channels and samples.  "
    "[default: phase_reference, amplitude, iq_channels]",
)  # fmt: skip
@click.option(
    "--architecture", type=click.Choice(["cnn", "resnet", "linear-path"]), default="cnn", show_default=True
)
@click.option(
    "--snr", "snrs", multiple=True, type=click.FloatRange(0, min_open=True),
    help="Noise drawn anew in each epoch on top of the signals, per complex sample; repeated: anything "
    "between. Figures are given for each.  [default: no noise]",
)  # fmt: skip
@click.option(
    "--shift", type=click.FloatRange(0), default=0.0, show_default=True,
    help="Move each head anew in each epoch, by a standard deviation in samples of its projections.",
)  # fmt: skip
@click.option(
    "--axes", type=click.IntRange(1), default=3, show_default=True,
    help="Gradients that the echoes are read under in turn, for --shift.",
)  # fmt: skip
@click.option("--epochs", type=click.IntRange(1), default=100, show_default=True)
@click.option("--batch", type=click.IntRange(2), default=64, show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True), default=2e-3, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="Networks to train.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="The first one's."
)
@click.option(
    "--leave-out", is_flag=True, help="Figures by leaving out each patient (group) in turn, for small sets."
)
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("trained"), show_default=True)
@click.option(
    "--dry-run", is_flag=True, help="Read and check everything, tell what would be trained, and stop."
)
@click.option("--force", is_flag=True, help="Write over a network that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print training.json to standard output.")
def train(
    train_set: str,
    validate: str | None,
    test: str | None,
    label: str | None,
    positive: str | None,
    value: str | None,
    unit: str,
    steps_file: Path | None,
    architecture: Architecture,
    snrs: tuple[float, ...],
    shift: float,
    axes: int,
    epochs: int,
    batch: int,
    learning_rate: float,
    seeds: int,
    seed: int,
    leave_out: bool,
    out: Path,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Train a 1D-CNN on raw MR signals, beside a linear readout, ready for `edgemed compile`.

    TRAIN, like every SET, is a table of the scanner's files (.csv) or an .npz. OUT gets the network
    (model.py with model.safetensors, and model.pt2), its whitening, a recipe, and training.json with the
    figures: those of every network beside those of a ridge regression behind the same steps, which a
    network should beat before anybody is impressed.
    """
    from edgemed.mr.fitted import fit_networks
    from edgemed.mr.raw_front import STEPS
    from edgemed.mr.shift import Shift
    from edgemed.mr.study import Study, gather
    from edgemed.mr.trained_folder import FILES, make_folder, report_on, write_trained
    from edgemed.mr.training import Schedule

    there = [out / name for name in FILES if (out / name).exists()]
    if there and not force:
        raise BadInput(f"{there[0]} exists", where="--out", remedy="give another --out, or --force")
    study = Study(
        train=train_set,
        validate=validate,
        test=test,
        label=label,
        positive=positive,
        value=value,
        unit=unit,
        steps=STEPS if steps_file is None else _steps(steps_file),
        architecture=architecture,
        snrs=snrs,
        shift=Shift(shift, axes),
        schedule=Schedule(epochs, learning_rate, batch=batch),
        seeds=seeds,
        seed=seed,
        leave_out=leave_out,
    )
    with ProgressBar(quiet=as_json) as bar:
        bar.stage("data", "reading signals")
        material = gather(study, Path())
        if dry_run:
            click.echo(study.to_json() if as_json else _plan(study, material), nl=not as_json)
            return

        make_folder(out)

        def progress(stage: str, what: str, done: int, of: int) -> None:
            bar.stage(stage, what)
            bar.progress(done, of)

        fitted = fit_networks(study, material, material.fit, material.validate, "training", progress)
        report = report_on(study, material, fitted, progress)
        write_trained(out, material, fitted, report)
    if as_json:
        click.echo(report.to_json(), nl=False)
        return
    _tell(report, material, out)


def _steps(file: Path) -> tuple[Step, ...]:
    import tomllib

    from edgemed.types import InputRecipe

    remedy = 'write steps = [{ op = "iq_channels", shots = "channels", echoes = "channels" }]'
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"the steps cannot be read: {error}", where=str(file), remedy=remedy) from None
    if list(data) != ["steps"]:
        keys = ", ".join(data) or "none"
        raise BadInput(f"the file has the keys {keys}; expected steps alone", where=str(file), remedy=remedy)
    return InputRecipe.from_dict(data, where=str(file)).steps


def _plan(study: Study, material: Material) -> str:
    sets = (("train", material.fit), ("validate", material.validate), ("test", material.test))
    lines = [f"{name}: {len(data)} signals of {len(set(data.groups))} groups" for name, data in sets if data]
    return "\n".join(
        (
            *lines,
            f"raw signal (shots, echoes, samples, coils, 2) = {list(material.spec.shape)}",
            f"steps: {', '.join(step.op for step in study.steps)}, whiten",
            f"network: {study.architecture} on {material.front.channels} channels of "
            f"{material.front.length} samples",
            *(f"head {head.name}: {head.kind}" for head in material.heads),
            *_notes(material),
            f"{study.seeds} of it, {study.schedule.epochs} epochs each at most"
            + (", and as many again for each group left out" if study.leave_out else ""),
        )
    )


def _notes(material: Material) -> list[str]:
    notes = [
        f"{head.name}: {head.labels[1]!r} is the positive class, {head.labels[0]!r} the other"
        for head in material.heads
        if head.kind == "binary"
    ]
    if not material.fit.grouped:
        notes.append(
            "TRAIN has no column patient or group (::group=COLUMN names another): each signal counts as a "
            "patient of its own"
        )
    return notes


def _tell(report: TrainingReport, material: Material, out: Path) -> None:
    from edgemed.cli.tables import print_table

    for note in _notes(material):
        click.echo(note)
    print_table(
        f"On {_SETS[report.tested_on]}",
        ["", "SNR", "cases", report.study.architecture, "linear (ridge)"],
        [_line(figure, report.study.unit) for figure in report.figures],
    )
    better = [each for each in report.figures if not each.values and each.linear > each.mean]
    if better:
        click.echo(f"the linear readout does better: {', '.join(map(_of, better))}")
    click.echo(
        f"kept the network of seed {report.chosen}, the best on the validation set "
        f"({report.parameters} parameters)"
    )
    for name in ("recipe.toml", "model.pt2", "training.json"):
        click.echo(f"made {out / name}")
    heads = [name for name in (report.study.label, report.study.value) if name is not None]
    labelled = quote("SET::" + ",".join(f"y.{name}={name}" for name in heads))
    recipe = quote(str(out / "recipe.toml"))
    click.echo(f"next: edgemed compile {recipe} --calibrate SET --select {labelled} --accept {labelled}")


def _of(figure: Figure) -> str:
    return f"{figure.measure} of {figure.head}" + ("" if figure.snr is None else f" at SNR {figure.snr:g}")


def _line(figure: Figure, unit: str) -> list[str]:
    ends = f", {figure.values[0]:.3g} to {figure.values[1]:.3g} {unit}".rstrip() if figure.values else ""
    spread = "" if figure.deviation is None else f" ± {figure.deviation:.3f}"
    return [
        f"{figure.head}: {figure.measure}{ends}",
        "as it is" if figure.snr is None else f"{figure.snr:g}",
        str(figure.cases),
        f"{figure.mean:.3f}{spread}",
        f"{figure.linear:.3f}",
    ]
