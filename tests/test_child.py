"""Functions in a child process: values, errors, crashes, time, memory, interrupts.

What runs in the child is `exec` or `eval` of a text, which any process can unpickle.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgemed.child import report_progress, run_in_child
from edgemed.errors import EXIT_BAD_INPUT, EXIT_UNTRUSTED, BadInput, ChildCrashed, ToolFailure, Untrusted


def _run(code: str, **options):
    return run_in_child(exec, code, what="the work", **options)


def test_the_value_comes_back_with_time_and_memory():
    result = run_in_child(divmod, 17, 5, what="dividing")
    assert result.value == (3, 2)
    assert 0 < result.seconds < 60
    assert 5 < result.peak_mib < 200


def test_a_large_value_comes_back():
    value = run_in_child(eval, "b'abcdefgh' * (1 << 23)", what="the work").value
    assert len(value) == 1 << 26
    assert value[-8:] == b"abcdefgh"


@pytest.mark.slow
def test_memory_is_the_childs_own():
    held = np.ones(400 << 17)  # 400 MiB in this process
    small = run_in_child(eval, "1", what="the work").peak_mib
    large = _run("held = bytearray(200 << 20)").peak_mib
    assert held[-1] == 1
    assert small < 150
    assert 150 < large - small < 250


def test_an_error_of_ours_keeps_its_class_code_and_words():
    code = "from edgemed.errors import {0}; raise {0}('wrong', where='there', remedy='mend it')"
    for kind, exit_code in ((BadInput, EXIT_BAD_INPUT), (Untrusted, EXIT_UNTRUSTED)):
        with pytest.raises(kind) as caught:
            _run(code.format(kind.__name__))
        error = caught.value
        assert (error.problem, error.where, error.remedy) == ("wrong", "there", "mend it")
        assert error.exit_code == exit_code


@pytest.mark.parametrize("code", ["raise ValueError('odd\\n  shape')", "1 / 0", "raise SyntaxError('no')"])
def test_any_other_error_is_a_tool_failure_that_names_it(code: str):
    with pytest.raises(ToolFailure) as caught:
        _run(code)
    assert type(caught.value) is ToolFailure
    assert caught.value.problem.split(":")[0] in ("ValueError", "ZeroDivisionError", "SyntaxError")
    assert "\n" not in caught.value.problem


def test_a_value_that_cannot_travel_is_a_tool_failure():
    with pytest.raises(ToolFailure, match="lambda"):
        run_in_child(eval, "lambda: 0", what="the work")


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGILL"])
def test_a_crash_names_the_signal_the_work_and_the_last_words(name: str):
    code = f"import os, signal; os.write(2, b'last words'); signal.raise_signal(signal.{name})"
    with pytest.raises(ChildCrashed, match=f"the work: crashed \\({name}\\)") as caught:
        _run(code)
    assert "last words" in caught.value.where


def test_a_kill_is_told_as_want_of_memory():
    with pytest.raises(ChildCrashed, match=r"SIGKILL.*memory"):
        _run("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")


def test_an_exit_without_an_answer_names_its_code():
    with pytest.raises(ChildCrashed, match="died with exit code 3"):
        _run("import os; os._exit(3)")


def test_a_crash_after_progress_is_a_crash():
    seen = []
    code = "import os\nfrom edgemed.child import report_progress\nreport_progress(1, 9)\nos._exit(7)"
    with pytest.raises(ChildCrashed, match="exit code 7"):
        _run(code, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 9)]


@pytest.mark.slow
def test_a_silent_child_is_ended(tmp_path: Path):
    note = tmp_path / "pid"
    code = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)"
    with pytest.raises(ChildCrashed, match="the work: no sign of life for 10 s"):
        _run(code, timeout_s=10.0)
    assert _ended(int(note.read_text()))


@pytest.mark.slow
def test_progress_is_told_in_order_and_is_a_sign_of_life():
    seen = []
    code = (
        "import time\nfrom edgemed.child import report_progress\n"
        "for i in range(6):\n    time.sleep(2)\n    report_progress(i + 1, 6)"
    )
    _run(code, timeout_s=10.0, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, 6) for i in range(6)]


def test_progress_outside_a_child_is_ignored():
    assert report_progress(1, 2) is None


def test_an_error_while_progress_is_shown_ends_the_child(tmp_path: Path):
    note = tmp_path / "pid"
    code = (
        f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\n"
        "from edgemed.child import report_progress\nreport_progress(1, 2)\ntime.sleep(600)"
    )

    def stop(done: int, total: int) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        _run(code, on_progress=stop)
    assert _ended(int(note.read_text()))


def test_output_of_the_child_stays_away_from_ours(capfd: pytest.CaptureFixture[str]):
    _run("import os; print('noise', flush=True); os.write(1, b'noise'); os.write(2, b'noise')")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("busy", ["time.sleep(600)", "sum(range(10 ** 12))"], ids=["idle", "in C"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_child_ends_with_its_parent_and_nothing_is_left(
    tmp_path: Path, start, number: signal.Signals, busy: str
):
    """`sum` lets no other thread of its process run."""
    note = tmp_path / "pid"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    work = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); {busy}"
    script = tmp_path / "parent.py"
    script.write_text(
        "from edgemed.child import run_in_child\n"
        f"if __name__ == '__main__':\n    run_in_child(exec, {work!r}, what='the work')\n"
    )
    root = str(Path(__file__).resolve().parent.parent)
    env = {**os.environ, "PYTHONPATH": root, "TMPDIR": str(temporary)}
    parent = start([sys.executable, str(script)], env=env)
    while not (note.exists() and note.read_text()):
        assert parent.poll() is None
        time.sleep(0.05)
    parent.send_signal(number)
    _, errors = parent.communicate(timeout=30)
    assert _ended(int(note.read_text()))
    assert list(temporary.iterdir()) == []
    if number == signal.SIGINT:
        assert errors.rstrip().endswith("KeyboardInterrupt")


def _ended(pid: int) -> bool:
    """Whether the process goes away within a few seconds; a zombie has ended."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(200):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False
