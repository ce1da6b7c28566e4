"""Paths of the command line that meet those of a recipe, and targets of the user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgemed.recipe_file import from_folder

TARGET = """description = "ours"
backends = ["onnxruntime"]
precisions = ["fp32"]
"""


@pytest.mark.parametrize(
    ("ref", "folder", "seen"),
    [
        ("cal", "recipes", "../cal"),
        ("recipes/cal::x=a", "recipes", "cal::x=a"),
        ("./net.py:build", ".", "net.py:build"),
        ("/data/cal.npz::x=a", "recipes", "/data/cal.npz::x=a"),
        ("r/cal", "r", "cal"),
    ],
)
def test_a_path_as_seen_from_a_folder(tmp_path, monkeypatch, ref, folder, seen):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "r").symlink_to("recipes")
    monkeypatch.chdir(tmp_path)
    assert from_folder(ref, Path(folder)) == seen


@pytest.mark.parametrize("ref", ["cal", "r/cal", "r/../cal", "data/cal", "data/../cal"])
def test_links_lead_to_the_same_place(tmp_path, monkeypatch, ref):
    (tmp_path / "far/away/recipes").mkdir(parents=True)
    (tmp_path / "big/data").mkdir(parents=True)
    work = tmp_path / "work"
    work.mkdir()
    (work / "r").symlink_to("../far/away/recipes")
    (work / "data").symlink_to("../big/data")
    monkeypatch.chdir(work)
    seen = from_folder(ref, Path("r"))
    assert (Path("r").resolve() / seen).resolve() == Path(ref).resolve()
    assert not Path(seen).is_absolute()


@pytest.mark.slow
def test_a_recipe_in_a_linked_folder_takes_sets_from_the_working_folder(site, helpers):
    (site / "far/away").mkdir(parents=True)
    (site / "r").symlink_to("far/away")
    for name in ("model.onnx", "sel.npz"):
        os.link(site / name, site / "far/away" / name)
    (site / "r/a.toml").write_text('[model]\nsource = "model.onnx"\n[data]\nselect = "sel.npz"\n')
    done = site.run("compile", "r/a.toml", "--calibrate", "cal.npz", "--dry-run")
    assert done.code == 0, done.err
    assert "calibrate ../../cal.npz" in done.out


@pytest.mark.slow
def test_a_target_of_the_users_own(site, helpers):
    (site / "recipes").mkdir()
    (site / "recipes/ours.toml").write_text(TARGET)
    (site / "mine.toml").write_text(TARGET.replace('"onnxruntime"', '"onnxruntime", "onnxruntime"'))
    (site / "recipes/net.toml").write_text('target = "ours.toml"\n[model]\nsource = "../model.onnx"\n')
    plan = site.run("compile", "recipes/net.toml", "--dry-run", "--json").json
    assert (plan["target"], plan["candidates"]) == ("ours", ["onnxruntime-fp32"])
    plan = site.run("compile", "recipes/net.toml", "--target", "mine.toml", "--dry-run", "--json").json
    assert (plan["target"], plan["candidates"]) == ("mine", ["onnxruntime-fp32"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"backends = = []", ("not valid TOML", "line 1", "ours.toml")),
        (b"\xff\xfe\x00", ("not valid TOML", "ours.toml")),
        (b'name = "host"\n' + TARGET.encode(), ("a target is named by its file", "leave the key `name` out")),
        (b'description = "x"\nbackends = []', ("missing key 'precisions'", "ours.toml")),
        (TARGET.replace("onnx", "onx").encode(), ("no backend 'onxruntime'", "backends of target ours")),
        (TARGET.replace('"onnxruntime"', "").encode(), ("a target without a backend", "ours.toml")),
        (TARGET.replace("fp32", "int8").encode(), ("a target without fp32", "precisions in ours.toml")),
        (None, ("cannot read the target", "ours.toml")),
    ],
    ids=["syntax", "encoding", "name", "missing-key", "unknown-backend", "no-backend", "no-fp32", "no-file"],
)
def test_a_broken_target_is_refused(site, helpers, content, words):
    if content is not None:
        (site / "ours.toml").write_bytes(content)
    site.run("compile", *helpers.MODEL, "--target", "ours.toml", "--dry-run").refused(2, *words)
