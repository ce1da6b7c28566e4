"""What this device is, what it can execute, and why it cannot execute the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edgemed.backends import backend_names, get_backend
from edgemed.bundle.trust import TrustStore, trust_path
from edgemed.child import run_in_child
from edgemed.device.artefacts import find_artefacts
from edgemed.errors import EdgemedError
from edgemed.measure import LOAD_TIMEOUT_S, load_cost
from edgemed.runtime import host_facts
from edgemed.runtime.bundled import reasons_against, trusted_bundle, unpack_here, why_not_recorded
from edgemed.types import Record


class Diagnosis(Record):
    """`runtimes`: version of each that is installed, "" for others. `artefacts`: "" for each that loads here
    and answers its golden cases as it did where it was judged, else why not. `trusted`: names of keys."""

    host: dict[str, str]
    runtimes: dict[str, str]
    trust_store: str
    trusted: tuple[str, ...]
    artefacts: dict[str, str]


def diagnose(paths: Sequence[Path], tell: Callable[[str], None]) -> Diagnosis:
    """`paths`: bundles, output folders or artefact folders. Each artefact is loaded in a process of its own.

    `tell` is given a line for each. Raises `BadInput` where a path is none of these and `Untrusted` where a
    bundle is not trusted.
    """
    found: dict[str, str] = {}
    for path in paths:
        if path.is_file():
            bundle, _ = trusted_bundle(path, unsigned=False)
            unrecorded = why_not_recorded(bundle)
            reasons = {name: why or unrecorded for name, why in reasons_against(bundle.manifest).items()}
            found |= {name: _in_words(why) for name, why in reasons.items() if why is not None}
            if None not in reasons.values():
                continue
            path = unpack_here(bundle)
        for folder in find_artefacts([path]):
            tell(f"loading {folder.name}")
            found[folder.name] = _why_not(folder)
    path = trust_path()
    keys = TrustStore.read(path).keys
    return Diagnosis(
        host=host_facts(),
        runtimes={name: get_backend(name).availability().version for name in backend_names()},
        trust_store=str(path),
        trusted=tuple(name for name, key in keys.items() if not key.revoked),
        artefacts=found,
    )


def lines(found: Diagnosis) -> list[str]:
    """As `edgemed-device doctor` prints it."""
    host = found.host
    told = [f"{host['arch']}, {host['cpu']}, {host['cores']} cores; {host['instruction_sets']}"]
    told += [f"runtime {name}: {version or 'not installed'}" for name, version in found.runtimes.items()]
    told.append(f"trust store {found.trust_store}: {', '.join(found.trusted) or 'nobody is trusted'}")
    told += [f"{name}: {why or 'runs here'}" for name, why in found.artefacts.items()]
    return told


def _why_not(folder: Path) -> str:
    try:
        run_in_child(load_cost, folder, what=f"loading {folder.name}", timeout_s=LOAD_TIMEOUT_S)
    except EdgemedError as error:
        return _in_words(error)
    return ""


def _in_words(error: EdgemedError) -> str:
    return f"{error.problem}; next: {error.remedy}" if error.remedy else error.problem
