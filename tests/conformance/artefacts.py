"""Makes an artefact folder of a small graph, as a compile would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgemed.backends import Executor, get_backend
from edgemed.backends.onnxruntime import _OnnxRuntimeExecutor
from edgemed.judge.latency import faster, percentiles
from edgemed.runtime import GOLDEN_FILE, MANIFEST_FILE, TUNED_FILE, Session, host_facts, read_manifest
from edgemed.types import EngineSpec, Limits, Manifest, Precision, digest_of_file
from edgemed.types.tuned import Tuned, TunedArtefact


def make_artefact(
    net, backend: str, precision: Precision, source: Path, folder: Path, engine: EngineSpec | None = None
) -> Path:
    """Build `source`, answer six golden cases, write the manifest.

    Where nothing here executes the `engine`, its stand-in answers, as in a compile.
    """
    folder.mkdir(parents=True)
    chosen = get_backend(backend)
    chosen.build(source, precision, folder, engine)
    absent = bool(chosen.cannot_run(engine))
    manifest = Manifest(
        name=net.name, version="1.0.0", backend=backend, precision=precision,
        inputs=net.inputs, outputs=net.outputs, preprocess={}, files={}, threads=1,
        host=host_facts(), tools={}, data={}, seed=0, stand_in=chosen.stand_in if absent else "",
        golden_tolerance=chosen.golden_tolerance(precision),
    )  # fmt: skip
    inputs = net.batch(6, seed=11)
    load = Session.stand_in_unverified if absent else Session.load_unverified
    write_golden(folder, inputs, load(folder, manifest).run(inputs))
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    return sign(folder)


def write_golden(folder: Path, inputs: dict[str, np.ndarray], answers: dict[str, np.ndarray]) -> None:
    arrays = {f"in.{name}": array for name, array in inputs.items()}
    arrays |= {f"out.{name}": array for name, array in answers.items()}
    np.savez(folder / GOLDEN_FILE, **arrays)


def threads_of(executor: Executor) -> int:
    """Threads that the runtime itself says it computes with."""
    if isinstance(executor, _OnnxRuntimeExecutor):
        return executor._run.__self__.get_session_options().intra_op_num_threads
    return executor._request.get_compiled_model().get_property("INFERENCE_NUM_THREADS")


def sign(folder: Path) -> Path:
    """Write the digests of the files as they are now into the manifest."""
    files = {
        path.name: digest_of_file(path) for path in sorted(folder.iterdir()) if path.name != MANIFEST_FILE
    }
    manifest = replace(read_manifest(folder), files=files)
    (folder / MANIFEST_FILE).write_text(manifest.to_json())
    return folder


def change_manifest(folder: Path, **changes: object) -> None:
    """Overwrite keys of `manifest.json`, or drop them where the new value is `...`."""
    data = json.loads((folder / MANIFEST_FILE).read_text()) | changes
    data = {key: value for key, value in data.items() if value is not ...}
    (folder / MANIFEST_FILE).write_text(json.dumps(data))


def write_tuned(out: Path, names: Sequence[str], **changes: object) -> None:
    """`tuned.json` as a tune on this machine writes it, where the last of `names` was the fastest.

    `changes` overwrite its keys.
    """
    seconds = {name: np.full((2, 20), 1e-3 / (1 + number)) for number, name in enumerate(names)}
    artefacts = {
        name: TunedArtefact(
            digest_of_file(out / name / MANIFEST_FILE), "onnxruntime", "fp32", percentiles(rounds),
            faster(seconds[names[0]], rounds), 1.0, 1.0, (), (),
        )
        for name, rounds in seconds.items()
    }  # fmt: skip
    tools = {"onnxruntime": get_backend("onnxruntime").availability().version}
    tuned = Tuned(names[-1], names[0], artefacts, {}, Limits(), 2, 0.5, host_facts(), tools)
    (out / TUNED_FILE).write_text(json.dumps({**tuned.to_dict(), **changes}))
