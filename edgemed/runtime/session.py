"""Session: the only thing that executes an artefact, on the host and on the device."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.backends import Executor, get_backend
from edgemed.errors import BadInput, ToolFailure, Unavailable, Untrusted
from edgemed.runtime.artefact import read_manifest, verify_files
from edgemed.runtime.bundled import chosen_here, record_epoch, trusted_bundle, unpack_here
from edgemed.runtime.golden import GoldenCases
from edgemed.runtime.signal_check import check_signals
from edgemed.types import Acquisition, InputSpec, Manifest, OutputSpec


class Session:
    """A loaded artefact: raw arrays in, probabilities (or values) out.

    Thread-safe: one call runs at a time. Use `Session.load`.
    """

    def __init__(self, manifest: Manifest, executor: Executor, folder: Path) -> None:
        self.manifest = manifest
        self.folder = folder
        self._executor = executor
        self._lock = threading.Lock()
        self._names = _names(manifest)
        self._raw = [(spec, spec.acquisition) for spec in manifest.inputs if spec.acquisition is not None]

    @classmethod
    def load(cls, path: Path | str, *, threads: int | None = None, unsigned: bool = False) -> Session:
        """Check every file against the manifest, load the runtime, replay the golden cases.

        `path` is an artefact folder or a bundle. A bundle must be signed by a key that this machine trusts
        (with `unsigned` it need not be: that is logged) and not be older than one that has run here; of its
        artefacts the fastest is taken that a tune found here. Raises `BadInput` when the path is no artefact
        or its backend is unknown, `Untrusted` when a file is not what the manifest says, nobody trusted
        signed it, or a golden case answers differently, `Unavailable` when the runtime is not installed,
        `ToolFailure` when it cannot load the artefact or fails on a golden case.
        """
        folder = Path(path)
        if not folder.is_dir() and folder.exists():
            bundle, signer = trusted_bundle(folder, unsigned=unsigned)
            session = cls.load(chosen_here(bundle, unpack_here(bundle)), threads=threads)
            if signer:
                record_epoch(bundle)
            return session
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        session = cls.load_unverified(folder, manifest, threads=threads)
        session.replay_golden_cases()
        return session

    @classmethod
    def load_to_judge(cls, folder: Path) -> Session:
        """What gives the answers that an artefact is judged by: itself, or its stand-in. Not for devices.

        Raises what `load` raises.
        """
        manifest = read_manifest(folder)
        if not manifest.stand_in:
            return cls.load(folder)
        verify_files(folder, manifest)
        session = cls.stand_in_unverified(folder, manifest)
        session.replay_golden_cases()
        return session

    @classmethod
    def load_unverified(cls, folder: Path, manifest: Manifest, *, threads: int | None = None) -> Session:
        """Load without digests and golden cases: for building. Devices use `load`.

        Raises what `load` raises; `Untrusted` where the graph's inputs or outputs have other names.
        """
        backend = get_backend(manifest.backend)
        availability = backend.availability()
        if not availability.available:
            raise Unavailable(
                f"{manifest.backend} is not installed (missing: {', '.join(availability.missing)})",
                where=str(folder),
                remedy=availability.remedy,
            )
        executor = backend.load(folder, manifest.precision, _names(manifest), threads or manifest.threads)
        return cls._checked(manifest, executor, folder)

    @classmethod
    def stand_in_unverified(cls, folder: Path, manifest: Manifest) -> Session:
        """The stand-in without digests and golden cases: for building. Raises what `load` raises."""
        backend = get_backend(manifest.backend)
        executor = backend.load_stand_in(folder, manifest.precision, _names(manifest), manifest.threads)
        return cls._checked(manifest, executor, folder)

    @classmethod
    def _checked(cls, manifest: Manifest, executor: Executor, folder: Path) -> Session:
        _check_names("input", manifest.inputs, executor.inputs, folder)
        _check_names("output", manifest.outputs, executor.outputs, folder)
        return cls(manifest, executor, folder)

    def run(
        self, inputs: Mapping[str, NDArray[Any]], *, acquisition: Acquisition | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Execute a batch.

        `inputs` maps each input's name to an array of shape (N, *spec.shape) and exactly the spec's dtype.
        An artefact that takes raw MR signals needs to know of their `acquisition`, which no array shows.
        Gives, per output, float32 of shape (N, columns). Raises `BadInput` when the contract is broken,
        `ToolFailure` when the runtime fails or answers with a value that is not finite.
        """
        batch = self._check_signals(inputs, acquisition) if self._raw else self._check(inputs)
        return self._answer(inputs, batch)

    def execute(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """What `run` does, for golden cases and timing: arrays of any raw signal, however taken."""
        return self._answer(inputs, self._check(inputs))

    def _answer(self, inputs: Mapping[str, NDArray[Any]], batch: int) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            try:
                arrays = self._executor.run(inputs)
            except RuntimeError as error:
                raise ToolFailure(
                    f"{self.manifest.backend} failed: {error}", where=str(self.folder)
                ) from None
        outputs: dict[str, NDArray[np.float32]] = {}
        for spec, array in zip(self.manifest.outputs, arrays, strict=True):
            if array.shape != (batch, spec.columns):
                raise ToolFailure(
                    f"output {spec.name!r} has shape {array.shape}, expected {(batch, spec.columns)}",
                    where=str(self.folder),
                )
            if not np.isfinite(array).all():
                raise ToolFailure(f"output {spec.name!r} is not finite", where=str(self.folder))
            outputs[spec.name] = array
        return outputs

    def predict(
        self, inputs: Mapping[str, NDArray[Any]] | NDArray[Any], *, acquisition: Acquisition | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Execute one sample: arrays without the batch axis in, (columns,) per output out.

        The array of an only input needs no name. Raises what `run` raises.
        """
        if not isinstance(inputs, Mapping):
            inputs = {self._only_input(): inputs}
        for spec in self.manifest.inputs:
            shape = np.shape(inputs.get(spec.name, ()))
            if len(shape) > len(spec.shape) and shape[1:] == spec.shape:
                raise BadInput(
                    f"input {spec.name!r} is a batch of shape {shape}; predict takes one sample",
                    remedy="give a batch to run",
                )
        batch = {name: np.asarray(array)[None] for name, array in inputs.items()}
        outputs = self.run(batch, acquisition=acquisition)
        return {name: array[0] for name, array in outputs.items()}

    def replay_golden_cases(self) -> float:
        """Run the stored cases one by one: the largest difference, as a share of an output's range above 1.

        Raises `Untrusted` when it is above the tolerance, and what `run` raises.
        """
        cases = GoldenCases(self.folder, self.manifest.inputs, self.manifest.outputs)
        pairs = [(self.execute(inputs), expected) for inputs, expected in cases]
        worst = 0.0
        for name in self._names:
            scale = max(1.0, *(float(np.abs(expected[name]).max()) for _, expected in pairs))
            apart = max(float(np.abs(outputs[name] - expected[name]).max()) for outputs, expected in pairs)
            worst = max(worst, apart / scale)
        if worst > self.manifest.golden_tolerance:
            raise Untrusted(
                f"golden cases differ by {worst:.2g}, allowed {self.manifest.golden_tolerance:.2g}: "
                "this machine does not compute what was judged",
                where=str(self.folder),
                remedy="compile for this machine's instruction sets",
            )
        return worst

    def _check_signals(self, inputs: Mapping[str, NDArray[Any]], acquisition: Acquisition | None) -> int:
        if not isinstance(acquisition, Acquisition):
            given = "" if acquisition is None else f", and acquisition is a {type(acquisition).__name__}"
            raise BadInput(
                f"raw MR signals do not show how they were taken{given}",
                where=f"input {self._raw[0][0].name}",
                remedy="signal = edgemed.readers.read_raw(Path(FILE)), then acquisition=signal.acquisition, "
                "or an edgemed.types.Acquisition of your own",
            )
        batch = self._check(inputs)
        for spec, known in self._raw:
            known.check(acquisition)
            check_signals(spec, self.manifest.signals.get(spec.name), inputs[spec.name])
        return batch

    def _check(self, inputs: Mapping[str, NDArray[Any]]) -> int:
        specs = self.manifest.inputs
        if not isinstance(inputs, Mapping):
            raise BadInput(f"inputs are a {type(inputs).__name__}; expected a dict of arrays by name")
        if len(inputs) != len(specs) or any(spec.name not in inputs for spec in specs):
            expected = ", ".join(spec.name for spec in specs)
            raise BadInput(f"inputs are {', '.join(inputs) or 'none'}; expected {expected}")
        first = inputs[specs[0].name]
        batch = len(first) if isinstance(first, np.ndarray) and first.ndim else 0
        for spec in specs:
            _check_array(spec, inputs[spec.name], batch)
        return batch

    def _only_input(self) -> str:
        names = [spec.name for spec in self.manifest.inputs]
        if len(names) > 1:
            raise BadInput(f"an array without a name; expected a dict of {', '.join(names)}")
        return names[0]


def _names(manifest: Manifest) -> tuple[str, ...]:
    return tuple(spec.name for spec in manifest.outputs)


def _check_names(
    what: str,
    specs: Sequence[InputSpec | OutputSpec],
    known: Sequence[Collection[str]],
    folder: Path,
) -> None:
    """Every spec is one of the loaded graph's, and none is left over. Raises `Untrusted`."""
    names = [spec.name for spec in specs]
    if len(names) != len(known) or any(not any(name in one for one in known) for name in names):
        found = ", ".join("/".join(sorted(one)) for one in known)
        raise Untrusted(
            f"the graph's {what}s are {found}; the manifest says {', '.join(names)}", where=str(folder)
        )


def _check_array(spec: InputSpec, array: NDArray[Any], batch: int) -> None:
    if not isinstance(array, np.ndarray):
        raise BadInput(f"input {spec.name!r} is a {type(array).__name__}; expected a numpy array")
    if array.dtype != spec.dtype or array.shape != (batch, *spec.shape) or batch < 1:
        raise BadInput(
            f"input {spec.name!r} is {array.dtype} {array.shape}; expected {spec.dtype} (N, "
            + ", ".join(map(str, spec.shape))
            + ")",
        )
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadInput(f"input {spec.name!r} holds NaN or infinite values")
