"""Stages `quantise` and `float16`: the graph in every form that the candidates need."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from edgemed.backends import Form
from edgemed.compress import find_scales, write_float16, write_signed_activations, write_uint8_activations
from edgemed.compress.quantise import OPENVINO_FILE
from edgemed.errors import BadInput, DiskFull, ToolFailure
from edgemed.stages.job import Job, SetSource
from edgemed.stages.pruning import Pruned
from edgemed.types import Graph, QuantiseSpec

_UINT8_FILE = "uint8-activations.onnx"
_SIGNED_FILE = "signed-activations.onnx"
_FLOAT16_FILE = "float16.onnx"


def make_forms(
    job: Job,
    graph: Graph,
    calibrate: SetSource | None,
    wanted: Collection[Form],
    *,
    saturates: bool,
    suffix: str = "",
) -> dict[Form, Path | str]:
    """A file for each wanted form, or, as a string, the reason why there is none.

    `saturates`: whether int8 sums do so on the target or here, where they are judged. `suffix` goes behind
    the stages' names; a graph that has one is not the user's, and what the recipe names may not be in it.
    """
    forms: dict[Form, Path | str] = {"float": Path(graph.path)}
    if "float16" in wanted:
        forms["float16"] = _float16(job, graph, suffix)
    quantised: tuple[tuple[Form, str], ...] = (
        ("int8-uint8-activations", _UINT8_FILE),
        ("int8-signed-activations", _SIGNED_FILE),
        ("int8-openvino", OPENVINO_FILE),
    )
    if calibrate is not None and any(form in wanted for form, _ in quantised):
        made = _quantised(job, graph, calibrate, saturates, suffix)
        for form, file in quantised:
            forms[form] = made / file if isinstance(made, Path) else made
    return forms


def make_pruned_forms(
    job: Job,
    pruned: Pruned | None,
    calibrate: SetSource | None,
    wanted: Collection[Form],
    *,
    saturates: bool,
) -> dict[Form, Path | str]:
    """`make_forms` of the pruned graph; empty where nothing is pruned."""
    if pruned is None:
        return {}
    if isinstance(pruned.graph, str):
        return dict.fromkeys(wanted, pruned.graph)
    return make_forms(job, pruned.graph, calibrate, wanted, saturates=saturates, suffix="-pruned")


def _float16(job: Job, graph: Graph, suffix: str) -> Path | str:
    depends_on = {"graph": graph.sha256, "versions": job.versions("onnx", "onnxruntime")}
    try:
        stage = job.run(f"float16{suffix}", "writing fp16", depends_on, _write_float16, graph.path)
    except DiskFull:
        raise
    except ToolFailure as error:
        return error.problem
    return stage.folder / _FLOAT16_FILE


def _quantised(job: Job, graph: Graph, calibrate: SetSource, saturates: bool, suffix: str) -> Path | str:
    depends_on = {
        "graph": graph.sha256,
        "calibrate": calibrate.sha256,
        "quantise": job.recipe.quantise.to_dict(),
        "seed": job.recipe.seed,
        "saturates": saturates,
        "versions": job.versions("nncf", "openvino", "onnx", "onnxruntime"),
    }
    try:
        stage = job.run(
            f"quantise{suffix}", "finding int8 scales", depends_on,
            _quantise, graph.path, calibrate, job.recipe.quantise, job.recipe.seed, saturates,
        )  # fmt: skip
    except DiskFull:
        raise
    except ToolFailure as error:
        return error.problem
    except BadInput as error:
        if not suffix:
            raise
        return f"{error.where} on the pruned graph: {error.problem}"
    return stage.folder


def _write_float16(graph: str, folder: Path) -> dict[str, Any]:
    write_float16(Path(graph), folder / _FLOAT16_FILE)
    return {}


def _quantise(
    graph: str, calibrate: SetSource, spec: QuantiseSpec, seed: int, saturates: bool, folder: Path
) -> dict[str, Any]:
    find_scales(Path(graph), calibrate.open(), spec, seed=seed, saturates=saturates, out=folder)
    write_uint8_activations(Path(graph), folder, folder / _UINT8_FILE)
    write_signed_activations(Path(graph), folder, folder / _SIGNED_FILE)
    return {}
