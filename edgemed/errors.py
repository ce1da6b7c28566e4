"""The error tree. Everything edgemed raises on purpose derives from `EdgemedError`.

- EdgemedError
  - BadInput (exit code 2): the recipe, the model, the data or a flag is wrong; the user can mend it.
  - ToolFailure (exit code 4): a runtime, a compiler or the machine failed.
    - DiskFull: there is no space left; nothing can go on.
    - Unavailable: something that is needed is not installed.
    - ChildCrashed: a child process died or ran past its time.
    - DeadlineMissed: there is no answer by the time that it was needed.
  - Untrusted (exit code 5): a file is not what its manifest says.

A verdict that is not proven is a result, not an error: the command ends with exit code 3.
"""

from __future__ import annotations

EXIT_DONE = 0
EXIT_BAD_INPUT = 2
EXIT_NOT_PROVEN = 3
EXIT_TOOL_FAILURE = 4
EXIT_UNTRUSTED = 5
EXIT_INTERRUPTED = 130


_UNSEEN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"} | {
    code: f"\\u{code:04x}" for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def printable(text: str) -> str:
    """What a file says, for a terminal: those obey control characters and turn text around."""
    return text.translate(_UNSEEN)


class EdgemedError(Exception):
    """What is wrong (`problem`), where (`where`), and what to do next (`remedy`)."""

    exit_code = EXIT_TOOL_FAILURE

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.problem]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.remedy:
            lines.append(f"  next:  {self.remedy}")
        return printable("\n".join(lines))

    def __reduce__(self) -> tuple[object, ...]:
        return _revive, (type(self), self.problem, self.where, self.remedy)


def _revive(cls: type[EdgemedError], problem: str, where: str, remedy: str) -> EdgemedError:
    return cls(problem, where=where, remedy=remedy)


class BadInput(EdgemedError):
    """The recipe, the model, the data or a flag is wrong."""

    exit_code = EXIT_BAD_INPUT


class ToolFailure(EdgemedError):
    """A runtime, a compiler or the machine failed."""

    exit_code = EXIT_TOOL_FAILURE


class Unavailable(ToolFailure):
    """Something that is needed is not installed; `remedy` is the command that installs it."""


class DiskFull(ToolFailure):
    """There is no space left: no candidate's fault, so nothing goes on."""


class ChildCrashed(ToolFailure):
    """A child process died or ran past its time."""


class DeadlineMissed(ToolFailure):
    """There is no answer by the time that it was needed."""


class Untrusted(EdgemedError):
    """A file is not what its manifest says."""

    exit_code = EXIT_UNTRUSTED
