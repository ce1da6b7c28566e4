"""The folder of a trained network: weights, exported program, whitening, recipe and figures."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.disk import disk_failure, write_whole
from edgemed.mr.figures import Figure, figures
from edgemed.mr.fitted import Fitted, Progress
from edgemed.mr.leave_out import leave_one_out
from edgemed.mr.study import Material, Study
from edgemed.types import InputSpec, OutputSpec, Record, Step

if TYPE_CHECKING:
    from edgemed.mr.models.signal_net import SignalNet

WHITEN = "whiten.npz"
RECIPE = "recipe.toml"
_HEADING = "# Written by `edgemed mr train`."
FILES = ("model.py", "model.safetensors", "model.pt2", WHITEN, RECIPE, "training.json")


class TrainingReport(Record):
    """`training.json`. `tested_on` is `test`, `validate` (which chose the epochs, and so flatters) or `groups
    left out`. `validation` by seed; the network of seed `chosen` is the one in the folder."""

    study: Study
    signals: dict[str, int]
    tested_on: str
    parameters: int
    validation: tuple[float, ...]
    chosen: int
    figures: tuple[Figure, ...]
    versions: dict[str, str]


def report_on(study: Study, material: Material, fitted: Fitted, progress: Progress) -> TrainingReport:
    """Hold networks and a linear readout against the test set, the validation set where there is none, or
    each group that is left out."""
    tested = material.test or material.validate
    if study.leave_out:
        found, on = leave_one_out(study, material, progress), "groups left out"
    else:
        found, on = (), "validate" if material.test is None else "test"
        levels = study.snrs or (None,)
        for done, snr in enumerate(levels):
            progress("linear", "fitting the linear readout", done, len(levels))
            rows = fitted.seen(tested, "validate" if material.test is None else "test", snr)
            linear = fitted.linear(material.fit, material.validate, snr)(rows)
            found += figures(material.heads, tested.targets, fitted.answers(rows), linear, snr)
    sets = {"train": material.fit, "validate": material.validate, "test": material.test}
    return TrainingReport(
        study=study,
        signals={name: len(data) for name, data in sets.items() if data is not None},
        tested_on=on,
        parameters=sum(each.numel() for each in fitted.networks[0].parameters()),
        validation=fitted.validation,
        chosen=study.seed + fitted.best,
        figures=found,
        versions={name: version(name) for name in ("edgemed", "torch", "numpy")},
    )


def make_folder(out: Path) -> None:
    """Before a training: raises `ToolFailure` where `out` could not be written to behind it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        raise disk_failure(error, out) from None


def write_trained(out: Path, material: Material, fitted: Fitted, report: TrainingReport) -> None:
    """Write `FILES` into the folder `out`. Raises `ToolFailure` where the disk does not take them."""
    from safetensors.torch import save

    from edgemed.mr.models import signal_net

    net = fitted.networks[fitted.best]
    learner = fitted.learner
    statistics = io.BytesIO()
    np.savez(statistics, mean=learner.mean, std=learner.std)
    contents = (
        Path(str(signal_net.__file__)).read_bytes(),
        save(net.state_dict()),
        _exported(net, material),
        statistics.getvalue(),
        _recipe(out, report.study, material),
        report.to_json(),
    )
    try:
        for name, content in zip(FILES, contents, strict=True):
            write_whole(out / name, content)
    except OSError as error:
        raise disk_failure(error, out) from None


def recipe_beside(model: Path) -> Path | None:
    """The recipe that `write_trained` put beside `model` (or `model.py:build`); None where it put none."""
    recipe = model.parent / RECIPE
    written = recipe.is_file() and recipe.read_bytes().startswith(_HEADING.encode())
    return recipe if written and model.name.partition(":")[0] in FILES else None


def _exported(net: SignalNet, material: Material) -> bytes:
    import torch

    example = torch.zeros(2, material.front.channels, material.front.length)
    rows = {"signal": {0: torch.export.Dim("batch")}}
    program = torch.export.export(net.eval(), (example,), dynamic_shapes=rows)
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def _recipe(out: Path, study: Study, material: Material) -> str:
    steps = (*study.steps, Step("whiten", {"statistics": WHITEN}))
    columns = {head.name: head.columns for head in material.heads}
    lines = [
        f"{_HEADING} Every key is explained in calibration/README.md.",
        f"name = {_toml(_name(out))}",
        "",
        "[model]",
        'source = "model.py:build"',
        'weights = "model.safetensors"',
        "",
        "[model.factory_args]",
        f"channels = {material.front.channels}",
        f"length = {material.front.length}",
        f"heads = {_toml(columns)}",
        f"architecture = {_toml(study.architecture)}",
        "",
        "# Part of the artefact, in float: the network was trained behind these very steps.",
        "[inputs.signal]",
        f"layout = {_toml(material.spec.layout)}",
        "steps = [",
        *(f"    {_toml({'op': step.op, **step.args})}," for step in steps),
        "]",
        "",
        "# How the signals that it was trained on were taken.",
        "[inputs.signal.acquisition]",
        *_acquisition(material.spec),
    ]
    for head in material.heads:
        lines += ["", f"[outputs.{_key(head.name)}]", *_output(head)]
    return "\n".join(lines) + "\n"


def _acquisition(spec: InputSpec) -> list[str]:
    told = {} if spec.acquisition is None else spec.acquisition.to_dict()
    return [f"{name} = {_toml(value)}" for name, value in told.items() if value is not None]


def _output(head: OutputSpec) -> Sequence[str]:
    if head.kind == "regression":
        return [
            'kind = "regression"',
            'ending = "values"',
            f"unit = {_toml(head.unit)}",
            "",
            "# The default margins, a tenth of the original's error, take thousands of cases to prove.",
            f"# State what it may lose, in {head.unit or 'its unit'}:",
            f"# [judge.outputs.{_key(head.name)}]",
            "# mae = 0.0",
            "# bias = 0.0",
        ]
    return [f"kind = {_toml(head.kind)}", 'ending = "logits"', f"labels = {_toml(list(head.labels))}"]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isalnum() and bare.isascii() else json.dumps(name, ensure_ascii=False)


def _name(out: Path) -> str:
    name = "".join(letter if letter.isalnum() else "-" for letter in out.resolve().name.lower()).strip("-")
    return name if name.isascii() and name else "signal-net"
