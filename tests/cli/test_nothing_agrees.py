"""A compile whose every candidate is dropped: a result with a report, and an exit code of its own."""

from __future__ import annotations

import pytest

from edgemed.errors import EXIT_NOT_PROVEN

pytestmark = pytest.mark.slow

RECIPE = """
target = "openvino"
precisions = ["int8"]
[model]
source = "model.onnx"
[data]
calibrate = "cal.npz::x=x"
[agreement]
snr_db = 199
[trials]
launches = 1
seconds = 0.05
"""


def test_nothing_is_kept_and_the_report_tells_why(site):
    (site / "recipe.toml").write_text(RECIPE)
    done = site.run("compile", "recipe.toml", "-o", "out")
    assert done.code == EXIT_NOT_PROVEN == 3, done.err
    assert "Traceback" not in done.err
    assert list((site / "out" / "artefacts").iterdir()) == []
    report = site.report()
    assert report["best"] is None
    assert {each["status"] for each in report["candidates"]} <= {"dropped", "failed"}
    (candidate,) = [each for each in report["candidates"] if each["id"] == "openvino-int8"]
    assert candidate["status"] == "dropped"
    assert "limit 199 dB" in candidate["reason"]
    last = "nothing that was built agrees with the original: no artefact is kept"
    assert done.err.splitlines()[-1] == last
    again = site.run("compile", "recipe.toml", "-o", "out", "--json")
    assert again.code == 3
    assert again.json["best"] is None
    assert again.err.strip() == last
    assert candidate["reason"] in (site / "out" / "report.html").read_text()
