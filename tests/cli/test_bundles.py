"""From a compile to a bundle that a device trusts, and what it refuses, as a user meets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from ended import Ended

from edgemed.runtime import Session

pytestmark = pytest.mark.slow
FP32 = ("--target", "onnxruntime", "--precision", "fp32")


@pytest.fixture(scope="module")
def packed(tmp_path_factory, helpers):
    """A site with the compile `out`, the keys `lab` and `new`, and `model.edgemed`, signed by the first."""
    site = helpers.Site(tmp_path_factory.mktemp("bundle"))
    helpers.write_model(site / "model.onnx")
    helpers.write_sets(site.folder)
    for command in (
        ("compile", *helpers.MODEL, *helpers.SETS, *FP32, "-o", "out"),
        ("keygen", "-o", "lab"),
        ("keygen", "-o", "new"),
        ("pack", "out", "--epoch", "2", "--key", "lab.key.pem", "-o", "model.edgemed"),
    ):
        done = site.run(*command)
        assert done.code == 0, done.err
    (site / "told").write_text(done.out)
    return site


def own(folder):
    """A device's trust store and cache."""
    return {"EDGEMED_TRUST": str(folder / "trust.json"), "EDGEMED_BUNDLE_CACHE": str(folder / "cache")}


def device_in(folder, env, prefix=()):
    """`edgemed-device`, run in a folder behind `prefix`."""

    def run(*args: str) -> Ended:
        command = [*prefix, sys.executable, "-m", "edgemed.device", *args]
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def device(packed, tmp_path, helpers):
    """`edgemed-device` with a trust store of its own."""
    return device_in(packed.folder, helpers.command_env(own(tmp_path)))


def test_a_device_trusts_who_it_was_told_to(packed, device):
    device("verify", "model.edgemed").refused(5, "nobody here trusts its key", "edgemed-device trust add")
    assert "lab" in device("trust", "add", "lab", "lab.pub.pem").out
    done = device("verify", "model.edgemed")
    assert done.code == 0, done.err
    assert "epoch 2: whole, signed by lab" in done.out
    assert "onnxruntime-fp32: proven" in done.out
    assert device("trust", "revoke", "lab", "--why", "stolen").code == 0
    for key in ((), ("--key", "lab.pub.pem")):
        device("verify", "model.edgemed", *key).refused(5, "its key 'lab' is revoked: stolen")
    assert "revoked: stolen" in device("trust").out
    assert json.loads(device("trust", "--json").out)["keys"]["lab"]["revoked"] == "stolen"


def test_the_host_verifies_alike(packed, device):
    given = ("verify", "model.edgemed", "--key", "lab.pub.pem", "--json")
    here, there = packed.run(*given), device(*given)
    assert here.code == 0, here.err
    assert json.loads(here.out) == json.loads(there.out)
    assert json.loads(here.out)["artefacts"]["onnxruntime-fp32"]["verdict"] == "proven"
    done = packed.run("verify", "model.edgemed", "--key", "new.pub.pem")
    done.refused(5, "nobody here trusts", "give the key of whoever signed it")


def test_an_epoch_is_raised_before_anything_ran(packed, device):
    device("trust", "epoch", "model.edgemed").refused(5, "nobody here trusts")
    device("trust", "add", "lab", "lab.pub.pem")
    assert "model: epoch 2 or later" in device("trust", "epoch", "model.edgemed").out
    packed.run("pack", "out", "--epoch", "1", "--key", "lab.key.pem", "-o", "older.edgemed")
    for command in ("verify",), ("trust", "epoch"):
        device(*command, "older.edgemed").refused(5, "epoch 2 has run here")


def test_a_store_that_may_not_be_written_is_found_before_a_run_is(packed, tmp_path, helpers):
    as_root = os.geteuid() == 0
    if as_root and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere: apt install util-linux, for setpriv")
    prefix = ["setpriv", "--bounding-set=-dac_override"] if as_root else []
    store = tmp_path / "store"
    env = {**own(tmp_path), "EDGEMED_TRUST": str(store / "trust.json")}
    device = device_in(packed.folder, helpers.command_env(env), prefix)
    device("trust", "add", "lab", "lab.pub.pem")
    store.chmod(0o555)
    try:
        done = device("doctor", "model.edgemed")
        assert done.code == 4
        assert "its epoch, 2, cannot be recorded" in done.out
        assert "edgemed-device trust epoch model.edgemed" in done.out
        store.chmod(0o755)
        device("trust", "epoch", "model.edgemed")
        store.chmod(0o555)
        assert device("doctor", "model.edgemed").code == 0
    finally:
        store.chmod(0o755)


def test_a_changed_bundle_is_refused(packed, device):
    content = bytearray((packed / "model.edgemed").read_bytes())
    content[len(content) // 2] ^= 1
    (packed / "changed.edgemed").write_bytes(content)
    done = device("verify", "changed.edgemed", "--key", "lab.pub.pem")
    done.refused(5, "the bundle is not whole", "changed or cut short")
    packed.run("sign", "changed.edgemed", "--key", "lab.key.pem").refused(5, "the bundle is not whole")


def test_a_trust_store_that_others_may_write_is_refused(device, tmp_path):
    device("trust", "add", "lab", "lab.pub.pem")
    (tmp_path / "trust.json").chmod(0o666)
    for command in (("verify", "model.edgemed"), ("trust", "list"), ("trust", "add", "new", "new.pub.pem")):
        device(*command).refused(5, "others than its owner may write it", "chmod go-w")


def test_a_second_signature_stands_beside_the_first(packed):
    shutil.copy(packed / "model.edgemed", packed / "both.edgemed")
    done = packed.run("sign", "both.edgemed", "--key", "new.key.pem")
    assert done.code == 0, done.err
    assert "2 in all" in done.out
    for key in ("lab", "new"):
        assert packed.run("verify", "both.edgemed", "--key", f"{key}.pub.pem").code == 0
    again = packed.run("sign", "both.edgemed", "--key", "new.key.pem", "--json")
    assert again.json["signatures"] == 2
    assert again.json["key"] in packed.run("verify", "both.edgemed", "--key", "new.pub.pem").out


def test_packing_again_gives_the_same_bytes(packed):
    again = ("pack", "out", "--epoch", "2", "--key", "lab.key.pem", "-o", "again.edgemed", "--json")
    done = packed.run(*again)
    assert done.code == 0, done.err
    assert (packed / "again.edgemed").read_bytes() == (packed / "model.edgemed").read_bytes()
    assert json.loads(done.out)["bytes"] == (packed / "model.edgemed").stat().st_size
    packed.run(*again).refused(2, "again.edgemed exists", "--force")


def test_the_decisions_of_a_compile_give_its_bytes_again(packed, helpers):
    """Whatever today's times say."""
    table = json.loads((packed / "out" / "decisions.json").read_text())
    assert table["kept"] == {"onnxruntime": ["onnxruntime-fp32"]}
    compile_ = (
        "compile",
        *helpers.MODEL,
        *helpers.SETS,
        *FP32,
        "--decisions",
        "out/decisions.json",
        "-o",
        "repeated",
    )
    done = packed.run(*compile_)
    assert done.code == 0, done.err
    packed.run("pack", "repeated", "--epoch", "2", "--key", "lab.key.pem", "-o", "repeated.edgemed")
    assert (packed / "repeated.edgemed").read_bytes() == (packed / "model.edgemed").read_bytes()
    assert (packed / "repeated" / "decisions.json").read_bytes() == (
        packed / "out" / "decisions.json"
    ).read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recipe": "0" * 64}, "the decisions of another recipe"),
        ({"data": {}}, "the sets hold other data"),
        ({"agreeing": ["onnxruntime-int8"]}, "onnxruntime-int8 could be chosen then"),
        ({"format_version": 2}, "format version 2"),
        ({"more": 1}, "more"),
    ],
    ids=str,
)
def test_decisions_of_something_else_are_refused(packed, helpers, tmp_path, change, says):
    table = json.loads((packed / "out" / "decisions.json").read_text())
    (tmp_path / "decisions.json").write_text(json.dumps({**table, **change}))
    given = (*helpers.MODEL, *helpers.SETS, *FP32, "--decisions", str(tmp_path / "decisions.json"))
    packed.run("compile", *given, "-o", "refused").refused(2, says)
    assert not (packed / "refused" / "artefacts").exists()


def test_a_bundle_holds_its_papers(packed, tmp_path):
    (packed / "TERMS.txt").write_text("As is.\n")
    recipe = (packed / "out" / "report.json").read_text()
    assert '"card"' in recipe
    (packed / "card.toml").write_text(
        'name = "model"\n[model]\nsource = "model.onnx"\n'
        '[card]\nintended_use = "Tests."\nlicence = "MIT"\nlicence_files = ["TERMS.txt"]\n'
        '[data]\ncalibrate = "cal.npz"\nselect = "sel.npz"\naccept = "acc.npz"\n'
    )
    done = packed.run("compile", "card.toml", *FP32, "-o", "carded")
    assert done.code == 0, done.err
    assert packed.run("pack", "carded", "-o", "carded.edgemed").code == 0
    with zipfile.ZipFile(packed / "carded.edgemed") as archive:
        assert archive.read("licences/TERMS.txt") == b"As is.\n"
        assert "## Intended use\n\nTests.\n" in archive.read("model_card.md").decode()
        assert json.loads(archive.read("sbom.cdx.json"))["bomFormat"] == "CycloneDX"
    (packed / "carded" / "model_card.md").unlink()
    packed.run("pack", "carded", "--force", "-o", "carded.edgemed").refused(
        2, "there is no model_card.md", "run the compile again"
    )


def test_any_zip_tool_takes_the_artefacts_out(packed, tmp_path, helpers):
    with zipfile.ZipFile(packed / "model.edgemed") as archive:
        archive.extractall(tmp_path)
    session = Session.load(tmp_path / "artefacts" / "onnxruntime-fp32")
    assert np.isfinite(next(iter(session.predict(helpers.signals(1, 0)[0][0]).values()))).all()


def test_a_device_tunes_and_runs_a_bundle_it_trusts(packed, device, tmp_path, helpers):
    np.savez(packed / "case.npz", signal=helpers.signals(1, 0)[0])
    env = own(tmp_path)
    run = ("run", "model.edgemed", "case.npz", "--json")
    packed.run(*run, env=env).refused(5, "nobody here trusts its key")
    assert "runs without trust" in packed.run(*run, "--unsigned", env=env).err
    device("trust", "add", "lab", "lab.pub.pem")
    done = packed.run(*run, env=env)
    assert done.code == 0, done.err
    tuned = device("tune", "model.edgemed", "--launches", "1", "--seconds", "0.05")
    assert tuned.code == 0, tuned.err
    (written,) = (tmp_path / "cache").glob("*/tuned.json")
    assert json.loads(written.read_text())["best"] == "artefacts/onnxruntime-fp32"
    assert packed.run(*run, env=env).out == done.out
    assert json.loads(device("trust", "--json").out)["epochs"] == {"model": 2}


@pytest.fixture(scope="module")
def wheel(packed):
    done = packed.run("package", "model.edgemed", "-o", "wheels")
    assert done.code == 0, done.err
    (path,) = (packed / "wheels").iterdir()
    assert str(path.relative_to(packed.folder)) in done.out
    return path


def test_a_wheel_is_imported_by_the_models_name_and_answers(packed, wheel, device, tmp_path, helpers):
    import os

    assert wheel.name == "model-0.1.0-py3-none-any.whl"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target"]
    done = subprocess.run([*pip, tmp_path / "site", wheel], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.savez(tmp_path / "case.npz", signal=helpers.signals(1, 0)[0])
    env = helpers.command_env(own(tmp_path))
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path / "site"), *filter(None, [env.get("PYTHONPATH")])])

    def python(*args: str) -> Ended:
        command = [sys.executable, *args]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return Ended(done.returncode, done.stdout, done.stderr)

    python("-m", "model", "case.npz").refused(5, "nobody here trusts its key")
    device("trust", "add", "lab", "lab.pub.pem")
    done = python("-m", "model", "case.npz", "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["model"] == "model 0.1.0"
    code = "import model, numpy as np; x = np.load('case.npz')['signal'][0]; print(model.load().predict(x))"
    done = python("-c", code)
    assert done.code == 0, done.err
    assert next(iter(answer["outputs"])) in done.out


def test_a_wheel_asks_for_what_was_judged_and_is_the_same_each_time(packed, wheel):
    from importlib.metadata import version

    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        metadata = archive.read("model-0.1.0.dist-info/METADATA").decode()
    judged = version("onnxruntime")
    assert f'Requires-Dist: onnxruntime=={judged}; python_version >= "3.11"' in metadata
    assert 'Requires-Dist: onnxruntime==1.23.2; python_version < "3.11"' in metadata
    packed.run("package", "model.edgemed", "-o", "again")
    assert (packed / "again" / wheel.name).read_bytes() == wheel.read_bytes()


def test_a_wheelhouse_is_refused_before_anything_is_fetched(packed, tmp_path):
    package = ("package", "model.edgemed")
    for of_a_wheelhouse in (("--for", "aarch64"), ("--python", "3.13"), ("--extra", "images")):
        packed.run(*package, *of_a_wheelhouse).refused(2, "are of a wheelhouse", "--wheelhouse DIR")
    house = (*package, "--wheelhouse", str(tmp_path))
    packed.run(*house).refused(2, "for which processor?", "--for ARCH")
    packed.run(*house, "--for", "aarch64", "-o", "wheels").refused(2, "a folder of its own", "without --out")
    packed.run(*house, "--for", "aarch64").refused(2, "exists", "name another folder")
    packed.run(*house, "--for", "aarch64", "--python", "3.9").refused(2, "'3.9' is not one of '3.10'")
    packed.run(*package, "--runtime", "openvino").refused(2, "no artefact is for 'openvino'", "onnxruntime")
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_a_wheelhouse_tells_what_pip_is_asked_for(packed, tmp_path):
    given = ("package", "model.edgemed", "--wheelhouse", str(tmp_path / "pi"), "--for", "aarch64")
    done = packed.run(*given, "--extra", "raw", "--dry-run", "--json")
    assert done.code == 0, done.err
    assert done.json["module"] == "model"
    assert done.json["requires"][1] == 'onnxruntime==1.23.2; python_version < "3.11"'
    assert done.json["install"] == f"pip install --no-index --find-links {tmp_path}/pi 'model[raw]'"
    asked = [need.partition(">")[0] for need in done.json["edgemed_requires"]]
    assert asked == ["numpy", "pynacl", "h5py", "scipy"]
    assert "scipy>=1.14  (through edgemed)" in packed.run(*given, "--extra", "raw", "--dry-run").out
    assert list(tmp_path.iterdir()) == []


def test_a_doctor_tells_what_runs_and_why_the_rest_does_not(packed, device, tmp_path):
    done = device("doctor")
    assert done.code == 0, done.err
    assert "runtime onnxruntime: " in done.out
    assert "nobody is trusted" in done.out
    device("doctor", "model.edgemed").refused(5, "nobody here trusts")
    device("trust", "add", "lab", "lab.pub.pem")
    found = json.loads(device("doctor", "model.edgemed", "--json").out)
    assert found["artefacts"] == {"onnxruntime-fp32": ""}
    assert found["trusted"] == ["lab"]
    device("run", "case.npz", "model.edgemed").refused(2, "it is a bundle", "the artefact first")
    device("verify", "out").refused(2, "what is signed is the one file", "give a .edgemed file")
    broken = shutil.copytree(packed / "out" / "artefacts" / "onnxruntime-fp32", tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"")
    done = device("doctor", str(broken))
    assert done.code == 4
    assert "broken: model.onnx is not the file that was judged" in done.out


def test_a_dry_run_makes_nothing(packed):
    done = packed.run("pack", "out", "-o", "none.edgemed", "--dry-run")
    assert json.loads(done.out)["format_version"] == 1
    assert not (packed / "none.edgemed").exists()


def test_what_is_no_compile_or_was_changed_is_not_packed(packed, tmp_path):
    with zipfile.ZipFile(packed / "model.edgemed") as archive:
        archive.extractall(tmp_path / "unzipped")
    for wrong, why in (
        (tmp_path, "no artefact in artefacts/"),
        (tmp_path / "none", "there is no such folder"),
        (packed / "model.edgemed", "a file"),
        (packed / "out" / "artefacts" / "onnxruntime-fp32", "one artefact"),
        (tmp_path / "unzipped", "an unzipped bundle"),
    ):
        packed.run("pack", str(wrong)).refused(2, why, "give the output folder of edgemed compile")
    out = shutil.copytree(packed / "out" / "artefacts", tmp_path / "out" / "artefacts").parent
    model = out / "artefacts" / "onnxruntime-fp32" / "model.onnx"
    model.write_bytes(model.read_bytes() + b"\0")
    packed.run("pack", str(out)).refused(5, "model.onnx is not the file that was judged")


def test_artefacts_of_two_versions_of_a_tool_are_not_packed(packed, tmp_path):
    one = packed / "out" / "artefacts" / "onnxruntime-fp32"
    for name in ("onnxruntime-fp32", "onnxruntime-later"):
        shutil.copytree(one, tmp_path / "out" / "artefacts" / name)
    manifest = tmp_path / "out" / "artefacts" / "onnxruntime-later" / "manifest.json"
    table = json.loads(manifest.read_text())
    held = table["tools"]["onnxruntime"]
    manifest.write_text(json.dumps({**table, "tools": {**table["tools"], "onnxruntime": "9.9.9"}}))
    done = packed.run("pack", str(tmp_path / "out"), "-o", str(tmp_path / "a.edgemed"))
    done.refused(2, f"not of one compile: onnxruntime is {held} and 9.9.9", "compile again")


def test_keys_are_never_written_over_or_read_by_others(packed):
    packed.run("keygen", "-o", "lab").refused(2, "never written over")
    made = packed.run("keygen", "-o", "third", "--json").json
    shutil.copy(packed / "model.edgemed", packed / "model3.edgemed")
    assert made["public"] == "third.pub.pem"
    assert made["key"] in packed.run("sign", "model3.edgemed", "--key", made["secret"]).out
    (packed / "open.pem").write_bytes((packed / "lab.key.pem").read_bytes())
    (packed / "open.pem").chmod(0o644)
    packed.run("sign", "model.edgemed", "--key", "open.pem").refused(2, "others than its owner", "chmod 600")
    packed.run("sign", "model.edgemed", "--key", "lab.pub.pem").refused(2, "it is a public key")
    packed.run("sign", "none.edgemed", "--key", "lab.key.pem").refused(2, "cannot be read")


def test_what_comes_next_can_be_pasted_whatever_the_names(packed, tmp_path):
    done = packed.run("keygen", "-o", str(tmp_path / "Lab Ü"))
    assert done.code == 0, done.err
    assert "edgemed-device trust add lab 'Lab Ü.pub.pem'" in done.out
    bundle = tmp_path / "my model.edgemed"
    assert f"edgemed sign '{bundle}' --key KEY.pem" in packed.run("pack", "out", "-o", str(bundle)).out
    absent = tmp_path / "none" / "m.edgemed"
    packed.run("pack", "out", "-o", str(absent)).refused(4, "cannot write", "make the folder first")
