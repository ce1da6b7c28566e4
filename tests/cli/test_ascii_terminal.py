"""A terminal that knows ASCII alone gets a `?` for what it cannot show, never a traceback."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow

ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


def test_a_compile_ends_well_without_unicode(site, helpers):
    done = site.run(
        "compile", *helpers.MODEL, *helpers.SETS, "--target", "onnxruntime", "--precision", "fp32",
        "--precision", "int8", "-o", "out", env=ASCII,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "Traceback" not in done.err
    assert (done.out + done.err).isascii()
    stages = [each["name"] for each in site.report()["stages"]]
    assert [name for name in stages if name.startswith("latency")] == [f"latency-{n}" for n in range(1, 6)]
    for candidate in site.report()["candidates"]:
        assert candidate["status"] != "failed", candidate["reason"]
        assert candidate["latency"]["n"] == candidate["ratio"]["rounds"]
        assert candidate["ratio"]["low"] <= candidate["ratio"]["ratio"] <= candidate["ratio"]["high"]
    again = site.run("inspect", "out", env=ASCII)
    assert again.code == 0, again.err
    assert again.out.isascii()
