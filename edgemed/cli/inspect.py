"""`edgemed inspect`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgemed.cli.tables import plain, print_table
from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.types import Acquisition, InputSpec, Manifest, ModelSpec, OutputSpec, Verdict


@click.command(
    epilog="""\b
Examples:
  edgemed inspect model.onnx
  edgemed inspect model.py:build -w model.safetensors
  edgemed inspect out
  edgemed inspect scan.h5
  edgemed inspect out/artefacts/openvino-int8 --json"""
)
@click.argument("path")
@click.option("-w", "--weights", help="Weights of a factory.")
@click.option(
    "--json", "as_json", is_flag=True,
    help="Print JSON: an artefact's manifest.json, {kind, sha256, inputs, ...} of a model, or {signals, "
    "shape, acquisition} of raw MR signals.",
)  # fmt: skip
def inspect(path: str, weights: str | None, as_json: bool) -> None:
    """Show what a trained model, an artefact or a file of raw MR signals holds.

    PATH is a model's file, an artefact folder, a compile's output folder, whose best artefact is shown, or a
    file of raw MR signals (.h5, .mrd, .mat, .npz), of which is shown how they were taken.
    """
    from edgemed.readers.raw import RAW_READERS
    from edgemed.types import ModelSpec

    file = Path(path)
    if file.is_dir():
        _artefact(file, as_json)
    elif not file.exists() and not Path(path.partition(":")[0]).exists():
        raise BadInput("no such file or folder", where=path)
    elif file.suffix.lower() in RAW_READERS:
        _raw(file, as_json)
    elif file.suffix.lower() == ".toml":
        raise BadInput(
            "neither a trained model nor an artefact",
            where=path,
            remedy=f"where this is a recipe: edgemed compile {path} --dry-run tells what it does",
        )
    else:
        _model(ModelSpec(path, weights), as_json)


def _artefact(path: Path, as_json: bool) -> None:
    from edgemed.cli.located import artefact_folder
    from edgemed.runtime import read_manifest, read_verdict, verify_files

    folder = artefact_folder(path)
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    if as_json:
        click.echo(manifest.to_json())
        return
    _lines(
        ("artefact", str(folder)),
        ("model", f"{manifest.name} {manifest.version}"),
        ("runtime", f"{_runtime(manifest)}, threads: {manifest.threads}"),
        *_contract(manifest.inputs, manifest.outputs),
        ("steps in the graph", _steps(manifest.preprocess.get("in_graph", {}))),
        ("golden cases", f"{manifest.golden_source}, {_tolerance(manifest)}"),
        ("built on", f"{manifest.host.get('arch')}, {manifest.host.get('instruction_sets')}"),
        ("built with", ", ".join(f"{k} {v}" for k, v in manifest.tools.items())),
        ("made for", manifest.target or "the machine at hand"),
        ("executed", _executed(manifest)),
        ("verdict", _verdict(read_verdict(folder, manifest))),
        ("stamps", ", ".join(manifest.stamps) or "none"),
        ("files", ", ".join(f"{name} ({sha[:12]})" for name, sha in manifest.files.items())),
        ("check", "every file is as the manifest says"),
    )


def _model(spec: ModelSpec, as_json: bool) -> None:
    from edgemed.child import run_in_child
    from edgemed.stages.inspection import inspect_model

    facts = run_in_child(inspect_model, spec, what=f"reading {spec.source}").value
    if as_json:
        click.echo(json.dumps(facts))
        return
    rows: list[tuple[str, str]] = [
        ("model", spec.source),
        ("kind", str(facts["kind"])),
        ("sha256", str(facts["sha256"])),
        ("parameters", f"{facts['parameters']:,}"),
    ]
    for each in facts["inputs"]:
        shape = (
            "shape not known"
            if each["shape"] is None
            else f"float32 (N, {', '.join(map(str, each['shape']))})"
        )
        rows.append((f"input {each['name']}", shape))
    for key in ("opset", "outputs", "operators"):
        if facts.get(key):
            rows.append((key, _shown(facts[key])))
    _lines(*rows)


def _raw(path: Path, as_json: bool) -> None:
    from edgemed.readers.raw_description import describe_raw

    found = describe_raw(path)
    if as_json:
        click.echo(found.to_json(), nl=False)
        return
    _lines(
        ("raw MR signals", str(path)),
        ("signals", f"{found.signals:,}"),
        ("taken with", plain(found.acquisition.describe(found.shape))),
        ("echoes", _echoes(found.acquisition)),
    )


def _echoes(acquisition: Acquisition) -> str:
    """`32, the first after 15 ms, 15 ms apart`."""
    times = [1e3 * time for time in acquisition.echo_times_s]
    told = f"{len(times)}, the first after {times[0]:g} ms"
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if not gaps:
        return told
    low, high = f"{min(gaps):.4g}", f"{max(gaps):.4g}"
    return f"{told}, {low if low == high else f'{low} to {high}'} ms apart"


def _tolerance(manifest: Manifest) -> str:
    others = "".join(f", {value:g} on other {arch}" for arch, value in manifest.golden_tolerances.items())
    return f"tolerance {manifest.golden_tolerance:g} on the instruction sets that it was built on{others}"


def _runtime(manifest: Manifest) -> str:
    return f"{manifest.backend} {manifest.precision}{', pruned' if manifest.pruned else ''}"


def _executed(manifest: Manifest) -> str:
    if manifest.stand_in:
        return f"not executed on its hardware: judged by {manifest.stand_in}"
    if manifest.unmeasured:
        return f"where it was built, not measured on its target; that machine said: {manifest.unmeasured}"
    return "where it was built"


def _verdict(verdict: Verdict | None) -> str:
    if verdict is None:
        return "none: it was not judged"
    from edgemed.report.grounds import sentence
    from edgemed.report.openings import optimism

    told = [sentence(verdict), f"of {verdict.artefact[:12]}, by {verdict.executed_by}", optimism(verdict)]
    return plain("; ".join(filter(None, told)))


def _contract(inputs: Sequence[InputSpec], outputs: Sequence[OutputSpec]) -> list[tuple[str, str]]:
    rows = []
    for each in inputs:
        shape = ", ".join(map(str, each.shape))
        rows.append((f"input {each.name}", f"{each.dtype} (N, {shape}) {each.layout}".strip()))
        if each.acquisition is not None:
            rows.append(("taken with", plain(each.acquisition.describe(each.shape))))
    for output in outputs:
        labels = f", labels {', '.join(output.labels)}" if output.labels else ""
        threshold = "" if output.kind in ("regression", "multiclass") else f", threshold {output.threshold:g}"
        rows.append((f"output {output.name}", f"{output.kind}, columns: {output.columns}{labels}{threshold}"))
    return rows


def _steps(of_inputs: dict[str, list[dict[str, Any]]]) -> str:
    """`image: scale (by 1/255), normalise (mean [0.5], std [0.5])`."""
    told = []
    for name, steps in of_inputs.items():
        ops = []
        for step in steps:
            args = ", ".join(f"{key} {value}" for key, value in step.items() if key != "op")
            ops.append(f"{step['op']} ({args})" if args else str(step["op"]))
        told.append(f"{name}: {', '.join(ops) or 'none'}")
    return "; ".join(told) or "none"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _lines(*rows: tuple[str, str]) -> None:
    print_table("", ["", ""], rows, "ll")
