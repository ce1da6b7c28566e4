"""The self-test on real chest X-rays: no broken model is proven, and the copy is."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow


def test_every_broken_model_is_refused_on_real_chest_xrays(site, data_dir, chest_xray):
    assert data_dir
    assert site.fp32(str(chest_xray / "recipe.toml"), "-o", "out").code == 0
    done = site.run("judge", "--self-test", "out", "--margin", "auc=.03", "--json")  # 135 negatives: no .02
    assert done.code == 0, done.out + done.err
    found = {each["name"]: each["outcome"] for each in done.json["controls"]}
    assert found.pop("identical copy") == "proven"
    assert found.pop("clipped") in ("refuted", "not provable")
    assert found == dict.fromkeys(("pruned", "wrong scale", "threshold", "swapped"), "refuted")
