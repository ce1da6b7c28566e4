"""Which artefacts this machine can execute, before one is loaded. What it computes, golden cases tell."""

from __future__ import annotations

from edgemed.backends import Backend, get_backend
from edgemed.errors import Unavailable
from edgemed.runtime.host import instruction_sets


def backend_here(name: str, precision: str, where: str = "") -> Backend:
    """The runtime of such artefacts.

    ONNX and OpenVINO files are of no CPU in particular, but a precision may need instruction sets: without
    them a runtime would compute in another one, and say nothing. Raises `BadInput` where there is no such
    backend, `Unavailable` where it is not installed, or this CPU lacks what the precision needs.
    """
    backend = get_backend(name)
    if not backend.is_installed():
        found = backend.availability()
        raise Unavailable(
            f"{name} is not installed (missing: {', '.join(found.missing)})",
            where=where,
            remedy=found.remedy,
        )
    sets = instruction_sets()
    able = backend.precisions(sets)
    if precision not in able:
        raise Unavailable(
            f"an artefact for another CPU: {name} has no {precision} on this one "
            f"({' '.join(sorted(sets)) or 'instruction sets unknown'})",
            where=where,
            remedy=f"compile for this machine, where {name} has {', '.join(able)}",
        )
    return backend
