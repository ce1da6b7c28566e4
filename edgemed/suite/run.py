"""The speed suite: edgemed's choice against the best that each runtime gives by itself. Speed only."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgemed.child import run_in_child
from edgemed.errors import BadInput, ToolFailure
from edgemed.measure import contest
from edgemed.pipeline import compile_model
from edgemed.runtime import host_facts, instruction_sets, int8_sums_saturate
from edgemed.stages.artefacts import ORIGINAL, Candidate, build, stamps_for
from edgemed.stages.data import check_data
from edgemed.stages.golden import make_golden_inputs
from edgemed.stages.graph import make_graph
from edgemed.stages.inputs import fit_inputs
from edgemed.stages.job import Job, Reporter, SetSource
from edgemed.stages.plan import make_plan
from edgemed.suite.architecture import build as build_architecture
from edgemed.suite.architecture import draw, names, save_pt2
from edgemed.suite.baselines import quantise_with_nncf, quantise_with_onnxruntime
from edgemed.targets import load_target
from edgemed.types import (
    Agreement,
    DataFacts,
    DataSpec,
    Graph,
    ModelSpec,
    OutputRecipe,
    QuantiseSpec,
    Recipe,
    did_you_mean,
)

CHOICE = "choice"
_SHORT = {
    "openvino-fp32": "OV\nfp32",
    "openvino-bf16": "OV\nbf16",
    "onnxruntime uint8": "ORT\nuint8",
    "NNCF on openvino": "NNCF\nint8",
}
LEGEND = """\
ms: onnxruntime fp32; OV, ORT, NNCF, choice: time over that, below 1 is faster
OV: openvino; ORT: onnxruntime's own quantiser; NNCF: its defaults, on openvino
of best: choice over the fastest of the others, onnxruntime fp32 among them"""


@dataclass(frozen=True)
class SuiteRow:
    """One architecture. `ratios`: median latency over that of onnxruntime fp32, by baseline and `choice`."""

    name: str
    width: float
    """Share of the channels that the choice has; the baselines have all."""
    onnxruntime_fp32_ms: float
    chosen: str
    choice_ratio: float
    best_baseline: str
    choice_over_best: float
    snr_db: float | None
    ratios: dict[str, float]
    stages_s: dict[str, float]
    peak_mib: dict[str, float]
    """Of each stage's own process, baselines included."""


def run_suite(
    out: Path,
    only: Sequence[str],
    *,
    width: float,
    samples: int,
    launches: int,
    seconds: float,
    threads: int,
    reporter: Reporter,
) -> list[dict[str, Any]]:
    """Compile each architecture with random weights and time the choice and the baselines in turns.

    With a `width` other than 1 the net that is compiled has that share of the channels, as if it had been
    pruned, and the one baseline is onnxruntime's fp32 of the whole net. The limit on agreement is lifted,
    since answers of random weights mean nothing; `snr_db` tells it. Raises `BadInput` for an unknown name.
    """
    for name in only:
        if name not in names():
            raise BadInput(
                f"there is no architecture {name!r}", where="--only", remedy=did_you_mean(name, names())
            )
    return [
        asdict(_row(out.resolve(), name, width, samples, launches, seconds, threads, reporter))
        for name in only or names()
    ]


def table(rows: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]], str]:
    """Head, rows and alignment for the terminal; `LEGEND` explains the head."""
    known = dict.fromkeys(key for row in rows for key in row["ratios"])
    baselines = [key for key in known if key not in (CHOICE, ORIGINAL.id)]
    head = ["net", "ms", *(_SHORT.get(key, key) for key in baselines), "choice", "of\nbest", "chosen"]
    body = []
    for row in rows:
        cells = [f"{row['ratios'][key]:.2f}" if key in row["ratios"] else "-" for key in baselines]
        body.append(
            [
                row["name"], f"{row['onnxruntime_fp32_ms']:.3g}", *cells, f"{row['choice_ratio']:.2f}",
                f"{row['choice_over_best']:.2f}", row["chosen"],
            ]
        )  # fmt: skip
    return head, body, "l" + "r" * (len(head) - 2) + "l"


def _row(
    out: Path,
    name: str,
    width: float,
    samples: int,
    launches: int,
    seconds: float,
    threads: int,
    reporter: Reporter,
) -> SuiteRow:
    folder = out / (name if width == 1 else f"{name}-width-{width:g}")
    recipe = _recipe(folder, name, width, samples, threads)
    command = f"edgemed bench --suite --only {name} --width {width:g}"
    result = compile_model(Job(recipe, folder, folder / "compiled", reporter), command)
    whole = recipe if width == 1 else _recipe(out / name, name, 1, samples, threads)
    job = Job(whole, out / name, out / name / "compiled", reporter)
    with job.alone():
        folders = _baselines(job, name) if width == 1 else _whole(job)
    kept = result.candidate(result.best)
    if kept is None:
        raise ToolFailure("nothing was kept", where=name)
    folders[CHOICE] = folder / "compiled" / kept.path
    reporter.stage("bench", f"timing {name} in turns")
    latencies = contest(
        folders, launches=launches, seconds=seconds, threads=threads,
        on_launch=lambda done: reporter.progress(done, launches),
    )  # fmt: skip
    base = latencies[ORIGINAL.id]
    ratios = {
        label: float(
            np.median([np.median(own) / np.median(fp32) for own, fp32 in zip(values, base, strict=True)])
        )
        for label, values in latencies.items()
    }
    stages = (*result.stages, *(replace(time, name=f"baseline {time.name}") for time in job.times))
    best = min((label for label in ratios if label != CHOICE), key=ratios.__getitem__)
    over = [np.median(a) / np.median(b) for a, b in zip(latencies[CHOICE], latencies[best], strict=True)]
    figures = kept.select_agreement
    return SuiteRow(
        name=name,
        width=width,
        onnxruntime_fp32_ms=float(np.median([np.median(values) for values in base])) * 1e3,
        chosen=kept.id,
        choice_ratio=ratios[CHOICE],
        best_baseline=best,
        choice_over_best=float(np.median(over)),
        snr_db=figures[0].snr_db if figures else None,
        ratios=ratios,
        stages_s={stage.name: round(stage.seconds, 2) for stage in stages},
        peak_mib={stage.name: round(stage.peak_mib) for stage in stages if stage.peak_mib},
    )


def _recipe(folder: Path, name: str, width: float, samples: int, threads: int) -> Recipe:
    """Write the net and its synthetic data, once, and say how to compile it."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = f"noise-{samples}.npz"
    if not (folder / "model.pt2").exists() or not (folder / noise).exists():
        run_in_child(_write, str(folder), name, width, samples, what=f"making {name}")
    return Recipe(
        model=ModelSpec("model.pt2"),
        name=name,
        threads=threads,
        data=DataSpec(calibrate=noise),
        outputs={"output": OutputRecipe(ending="logits")},
        quantise=QuantiseSpec(samples=samples),
        agreement=Agreement(snr_db=-1000.0),
    )


def _write(folder: str, name: str, width: float, samples: int) -> None:
    architecture = build_architecture(name, width=width)
    noise = draw(architecture.inputs, samples, seed=1)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as scratch:
        np.savez(Path(scratch) / "noise.npz", **noise)  # type: ignore[arg-type]
        save_pt2(architecture, Path(scratch) / "model.pt2")
        (Path(scratch) / "noise.npz").replace(Path(folder) / f"noise-{samples}.npz")
        (Path(scratch) / "model.pt2").replace(Path(folder) / "model.pt2")


@dataclass(frozen=True)
class _Net:
    """A net's graph and data, from a compile's cache or made now."""

    graph: Graph
    calibrate: SetSource
    golden: Path
    data: tuple[DataFacts, ...]


def _net(job: Job) -> _Net:
    inputs = fit_inputs(job)
    sets, data, _ = check_data(job, inputs.raw)
    graph, _, _ = make_graph(job, inputs, sets["calibrate"])
    return _Net(graph, sets["calibrate"], make_golden_inputs(job, graph, sets["calibrate"]), data)


def _whole(job: Job) -> dict[str, Path]:
    """onnxruntime's fp32 of the net with all its channels."""
    return {ORIGINAL.id: _artefact(job, _net(job), ORIGINAL)}


def _baselines(job: Job, name: str) -> dict[str, Path]:
    """Artefact folders by baseline; one that its own tool cannot make is left out with a warning."""
    net = _net(job)
    _, candidates, _ = make_plan(job.recipe)
    folders = {}
    for candidate in candidates:
        if candidate.precision in ("fp32", "bf16"):
            folders[candidate.id] = _artefact(job, net, candidate)
    tools = (
        ("onnxruntime uint8", Candidate("onnxruntime", "int8"), quantise_with_onnxruntime, "model.onnx"),
        ("NNCF on openvino", Candidate("openvino", "int8"), quantise_with_nncf, "model.xml"),
    )
    for label, candidate, quantise, file in tools:
        try:
            made = _quantised(job, net, quantise, label)
            folders[label] = _artefact(job, net, candidate, made / file)
        except ToolFailure as error:
            job.reporter.warn(f"{name}: no baseline {label}: {error.problem}")
    return folders


def _artefact(job: Job, net: _Net, candidate: Candidate, source: Path | None = None) -> Path:
    source = source or Path(net.graph.path)
    target = load_target(job.recipe.target)
    stamps = stamps_for(net.data)
    return build(job, net.graph, candidate, source, net.golden, net.data, stamps, target).folder


def _quantised(job: Job, net: _Net, quantise: Any, label: str) -> Path:
    depends_on = {
        "graph": net.graph.sha256,
        "calibrate": net.calibrate.sha256,
        "tool": label,
        "int8_sums_saturate": int8_sums_saturate(host_facts()["arch"], instruction_sets()),
        "versions": job.versions("nncf", "openvino", "onnxruntime"),
    }
    key = "baseline-" + label.replace(" ", "-").lower()
    return job.run(
        key,
        f"baseline {label}",
        depends_on,
        quantise,
        net.graph.path,
        net.calibrate,
        job.recipe.quantise.samples,
    ).folder
