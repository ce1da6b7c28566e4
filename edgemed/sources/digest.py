"""source_digest: what a trained model's files hold, without loading it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgemed.errors import BadInput
from edgemed.sources.imports import code_files, package_versions
from edgemed.types import ModelSpec, digest_of, digest_of_file


def source_digest(spec: ModelSpec, base: Path) -> str:
    """sha256 over source file, weights and factory arguments.

    With `.onnx` its external data, with a factory the user's own modules that its file imports and the
    versions of the installed packages that they import.

    Raises `BadInput` where a file is missing.
    """
    source, _, factory = spec.source.partition(":")
    named = [(source, "model.source")]
    if spec.weights is not None:
        named.append((spec.weights, "model.weights"))
    for name, where in named:
        if not (base / name).is_file():
            raise BadInput(
                f"there is no file {name}", where=where, remedy="write it relative to the recipe's folder"
            )
    files = [base / name for name, _ in named]
    if source.lower().endswith(".onnx"):
        files += external_files(base / source, source)
    versions = {}
    if factory:
        files += code_files(base / source)[1:]
        versions = package_versions(base / source)
    return digest_of([[digest_of_file(file) for file in files], factory, spec.factory_args, versions])


def external_files(path: Path, shown: str, model: Any = None) -> list[Path]:
    """The files beside an ONNX file that hold its larger weights. Raises `BadInput` where one is missing."""
    model = model or read_graph(path, shown)
    names = {
        entry.value
        for owner in (model.graph, *model.functions)
        for tensor in tensors_in(owner)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(names):
        if not (path.parent / name).is_file():
            raise BadInput(
                f"{shown} keeps weights in {name}, which is not beside it",
                where="model.source",
                remedy=f"copy {name} into the same folder",
            )
    return [path.parent / name for name in sorted(names)]


def tensors_in(owner: Any) -> Iterator[Any]:
    """Every TensorProto of a graph or function: initialisers and attributes, those of subgraphs too."""
    yield from getattr(owner, "initializer", ())
    for node in owner.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from tensors_in(graph)


def read_graph(path: Path, shown: str) -> Any:
    """The ModelProto of an ONNX file without its external data. Raises `BadInput` for a damaged file."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model = onnx.load(str(path), load_external_data=False)
    except DecodeError:
        model = onnx.ModelProto()
    if not model.graph.node:
        raise BadInput(
            f"{shown} is truncated or not an ONNX file", where="model.source", remedy="copy it again"
        )
    return model
