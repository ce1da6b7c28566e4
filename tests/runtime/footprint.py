"""What a Session costs over bare onnxruntime: `python tests/runtime/footprint.py BUNDLE [STARTS]`.

Both import, load one ONNX artefact and answer once, in fresh processes that take turns; the replay of golden
cases is counted apart. Then both answer in turns in one process. Nothing is asserted: machines differ. BUNDLE
is one that is trusted here, of an artefact for ONNX Runtime whose inputs are no raw MR signals.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

_BARE = """
import time; start = time.perf_counter()
import sys
import numpy as np, onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
options.log_severity_level = 3
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
with np.load(sys.argv[2]) as case:
    session.run(None, dict(case))
apart = 0.0
"""
_OURS = """
import time; start = time.perf_counter()
import sys
from edgemed.runtime import Session
apart, replay = 0.0, Session.replay_golden_cases
def timed(session):
    global apart
    begun = time.perf_counter()
    worst = replay(session)
    apart = time.perf_counter() - begun
    return worst
Session.replay_golden_cases = timed
session = Session.load(sys.argv[1])
import numpy as np
with np.load(sys.argv[2]) as case:
    session.run(dict(case))
"""
_TOLD = """
took = time.perf_counter() - start - apart
import json, resource
used = resource.getrusage(resource.RUSAGE_SELF)
with open("/proc/self/status") as status:  # ru_maxrss would count the parent's, which it was forked from
    peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(json.dumps({
    "wall_ms": 1e3 * took, "cpu_ms": 1e3 * (used.ru_utime + used.ru_stime - apart),
    "memory_mb": peak_kib * 1024 / 1e6, "golden_ms": 1e3 * apart,
}))
"""


def start(code: str, *args: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", code + _TOLD, *args], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(bundle: Path, starts: int) -> None:
    import tempfile

    import numpy as np

    from edgemed.runtime import Session, golden_inputs

    session = Session.load(bundle)
    assert session.manifest.backend == "onnxruntime", session.manifest.backend
    case = golden_inputs(session.folder, 1)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "case.npz", **case)
        given = str(Path(folder) / "case.npz")
        pairs = [
            (start(_BARE, str(session.folder / "model.onnx"), given), start(_OURS, str(bundle), given))
            for _ in range(starts)
        ]
    for name in ("wall_ms", "cpu_ms", "memory_mb"):
        more = statistics.median(ours[name] - bare[name] for bare, ours in pairs)
        bare, ours = (statistics.median(pair[side][name] for pair in pairs) for side in (0, 1))
        print(f"start, {name}: bare {bare:.1f}, ours {ours:.1f}, more {more:.1f}")
    print(f"golden replay, ms: {statistics.median(ours['golden_ms'] for _, ours in pairs):.1f}")

    run, names = session._executor._run, session._executor._wanted
    turns = []
    for _ in range(5000):
        begun = time.perf_counter_ns()
        run(names, case)
        between = time.perf_counter_ns()
        session.run(case)
        turns.append((between - begun, time.perf_counter_ns() - between))
    bare, ours = (statistics.median(turn[side] for turn in turns) / 1e3 for side in (0, 1))
    print(f"call, microseconds: bare {bare:.1f}, ours {ours:.1f}, more {ours - bare:.1f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 15)
