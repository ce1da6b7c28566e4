"""Runtimes: one file each, one protocol, one conformance suite (tests/conformance)."""

from edgemed.backends.backend import Availability, Backend, Executor, Form
from edgemed.backends.registry import backend_names, get_backend

__all__ = ["Availability", "Backend", "Executor", "Form", "backend_names", "get_backend"]
