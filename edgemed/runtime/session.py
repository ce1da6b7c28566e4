"""Session: the only thing that executes an artefact, on the host and on the device."""

from __future__ import annotations

import platform
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgemed.backends import Executor, get_backend
from edgemed.errors import BadInput, ToolFailure, Untrusted
from edgemed.runtime.artefact import read_manifest, verify_files
from edgemed.runtime.bundled import chosen_here, record_epoch, trusted_bundle, unpack_here
from edgemed.runtime.calls import Calls
from edgemed.runtime.contract import Contract
from edgemed.runtime.file_inputs import inputs_of
from edgemed.runtime.golden import GoldenCases
from edgemed.runtime.here import backend_here
from edgemed.runtime.host import instruction_sets
from edgemed.types import Acquisition, InputSpec, Manifest, OutputSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Answers = dict[str, NDArray[np.float32]]
    """By output."""
    OneSample = Mapping[str, NDArray[Any]] | NDArray[Any] | Path | str
    """The arrays by input, the array of an only input, or a file."""


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
        self._contract = Contract(manifest)
        self._calls = Calls()

    @classmethod
    def load(cls, path: Path | str, *, threads: int | None = None, unsigned: bool = False) -> Session:
        """Check every file against the manifest, load the runtime, replay the golden cases.

        `path` is an artefact folder or a bundle. A bundle must be signed by a key that this machine trusts
        (with `unsigned` it need not be: that is logged) and not be older than one that has run here; of its
        artefacts the fastest is taken that a tune found here. Raises `BadInput` when the path is no artefact
        or its backend is unknown, `Untrusted` when a file is not what the manifest says, nobody trusted
        signed it, or a golden case answers differently, `Unavailable` when the runtime is not installed or
        the artefact is for another CPU, `ToolFailure` when it cannot load the artefact or fails on a golden
        case.
        """
        folder = Path(path)
        if not folder.is_dir() and folder.exists():
            bundle, signer = trusted_bundle(folder, unsigned=unsigned)
            place = chosen_here(bundle, unpack_here(bundle))
            session = cls.load_unverified(place, read_manifest(place), threads=threads)
            session.replay_golden_cases()
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
        backend = backend_here(manifest.backend, manifest.precision, where=str(folder))
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
        self,
        inputs: Mapping[str, NDArray[Any]],
        *,
        acquisition: Acquisition | None = None,
        deadline_s: float | None = None,
    ) -> Answers:
        """Execute a batch.

        `inputs` maps each input's name to an array of shape (N, *spec.shape) and exactly the spec's dtype.
        An artefact that takes raw MR signals needs to know of their `acquisition`, which no array shows.
        Gives, per output, float32 of shape (N, columns). Raises `BadInput` when the contract is broken,
        `ToolFailure` when the runtime fails or answers with a value that is not finite, `DeadlineMissed`
        when there is no answer after `deadline_s` seconds.
        """
        if deadline_s is not None:
            return self._calls.within(deadline_s, self._run, inputs, acquisition)
        return self._run(inputs, acquisition)

    async def run_async(
        self,
        inputs: Mapping[str, NDArray[Any]],
        *,
        acquisition: Acquisition | None = None,
        deadline_s: float | None = None,
    ) -> Answers:
        """`run`, awaited: the event loop goes on meanwhile."""
        return await self._calls.awaited(deadline_s, self._run, inputs, acquisition)

    def _run(self, inputs: Mapping[str, NDArray[Any]], acquisition: Acquisition | None) -> Answers:
        return self._answer(inputs, self._contract.check(inputs, acquisition))

    def execute(self, inputs: Mapping[str, NDArray[Any]]) -> Answers:
        """What `run` does, for golden cases and timing: arrays of any raw signal, however taken."""
        return self._answer(inputs, self._contract.check_arrays(inputs))

    def _answer(self, inputs: Mapping[str, NDArray[Any]], batch: int) -> Answers:
        with self._lock:
            try:
                arrays = self._executor.run(inputs)
            except RuntimeError as error:
                raise ToolFailure(
                    f"{self.manifest.backend} failed: {error}", where=str(self.folder)
                ) from None
        outputs: Answers = {}
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
        self, inputs: OneSample, *, acquisition: Acquisition | None = None, deadline_s: float | None = None
    ) -> Answers:
        """Execute one sample: arrays without the batch axis, or a file, in; (columns,) per output out.

        The array of an only input needs no name. A path is a file that `edgemed.readers.read_file` reads; how
        a raw MR signal was taken is then the file's to say. Raises what `run` and `read_file` raise.
        """
        if deadline_s is not None:
            return self._calls.within(deadline_s, self._predict, inputs, acquisition)
        return self._predict(inputs, acquisition)

    async def predict_async(
        self, inputs: OneSample, *, acquisition: Acquisition | None = None, deadline_s: float | None = None
    ) -> Answers:
        """`predict`, awaited: the event loop goes on meanwhile."""
        return await self._calls.awaited(deadline_s, self._predict, inputs, acquisition)

    def _predict(self, inputs: OneSample, acquisition: Acquisition | None) -> Answers:
        if isinstance(inputs, (str, Path)):
            inputs, acquisition = inputs_of(Path(inputs), self.manifest)
        if isinstance(inputs, np.ndarray):
            inputs = {self._only_input(): inputs}
        if not isinstance(inputs, Mapping):
            raise BadInput(f"a {type(inputs).__name__}; expected arrays by input, one array, or a file")
        for spec in self.manifest.inputs:
            shape = np.shape(inputs.get(spec.name, ()))
            if len(shape) > len(spec.shape) and shape[1:] == spec.shape:
                raise BadInput(
                    f"input {spec.name!r} is a batch of shape {shape}; predict takes one sample",
                    remedy="give a batch to run",
                )
            if spec.name in inputs and shape != spec.shape:
                raise BadInput(f"input {spec.name!r} has shape {shape}; predict takes {spec.shape}")
        batch = {name: np.asarray(array)[None] for name, array in inputs.items()}
        outputs = self._run(batch, acquisition)
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
        allowed = self.manifest.golden_tolerance_on(platform.machine(), instruction_sets())
        if worst > allowed:
            raise Untrusted(
                f"golden cases differ by {worst:.2g}, allowed {allowed:.2g}: "
                "this machine does not compute what was judged",
                where=str(self.folder),
                remedy="compile for this machine's instruction sets",
            )
        return worst

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
