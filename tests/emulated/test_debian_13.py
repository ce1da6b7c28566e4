"""One bundle, made here, on Debian 13: an emulated ARM core, and this processor with Python 3.13."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bright import pictures

pytestmark = pytest.mark.slow

APART = {"onnxruntime-fp32": 1e-6, "onnxruntime-int8": 1e-6, "openvino-fp32": 1e-6, "openvino-int8": 4e-3}
"""The most that answers may differ from this machine's: what was measured, rounded up."""
QUANTISED = """
import sys
import numpy as np
import onnxruntime

graph, given, out = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.log_severity_level = 3
session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
with np.load(given) as held:
    answers = session.run(None, dict(held))
np.savez(out, **{each.name: array for each, array in zip(session.get_outputs(), answers)})
"""


@pytest.fixture(scope="module")
def bundle(lab) -> Path:
    """For a Raspberry Pi 5: all four candidates agree and are kept."""
    out = lab.compile("raspberry-pi-5")
    assert {path.name for path in (out / "artefacts").iterdir()} == set(APART)
    images, _ = pictures(64, seed=9)
    np.savez(lab.folder / "batch.npz", image=images)
    np.savez(lab.folder / "one.npz", image=images[1])
    return lab.pack(out, "pi")


@pytest.fixture(scope="module")
def answered(bundle, lab):
    """`answered(device)`: what `answers.py` told, and the arrays."""

    def ask(device):
        out = device.home / "answers.npz"
        done = device.run(Path(__file__).with_name("answers.py"), bundle, lab.folder / "batch.npz", out)
        assert done.code == 0, done.err
        with np.load(out) as held:
            return json.loads(done.out), dict(held)

    return ask


@pytest.fixture(scope="module")
def here(answered, lab, tmp_path_factory):
    return answered(lab.here(tmp_path_factory.mktemp("here")))


@pytest.fixture(scope="module")
def there(answered, device):
    return answered(device[1])


def test_it_is_python_3_13_on_that_processor(device, there):
    system, _ = device
    told, _ = there
    assert told["python"].startswith("3.13.")
    assert told["host"]["arch"] == system.machine
    if system.cpuinfo:
        assert told["host"]["cpu"] == "Cortex-A76"
        assert told["host"]["instruction_sets"] == "asimd asimddp fphp"


def test_every_artefact_answers_as_it_does_here(here, there):
    """Golden cases are replayed within their tolerance by loading; these are other inputs."""
    (told, expected), (_, answers) = here, there
    assert set(told["replay"]) == set(APART)
    assert {name.partition("/")[0] for name in answers} == set(APART)
    apart = {name: float(np.abs(answers[name] - array).max()) for name, array in expected.items()}
    assert {name: most for name, most in apart.items() if most > APART[name.partition("/")[0]]} == {}
    for name, array in expected.items():
        assert array.std() > 0.1
        assert np.array_equal(answers[name] >= 0.5, array >= 0.5)


def test_int8_is_the_same_byte_for_byte_in_onnxruntime(bundle, lab, device, tmp_path):
    """Every uint8 tensor of the artefact. Behind the last are a pooling, a layer and a sigmoid in float."""
    import onnx

    system, there = device
    model = onnx.load(lab.folder / "out/artefacts/onnxruntime-int8/model.onnx")
    tensors = [node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    del model.graph.output[:]
    for name in tensors:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, None))
    onnx.save(model, tmp_path / "quantised.onnx")
    found = []
    for machine in (lab.here(tmp_path), there):
        out = tmp_path / f"{len(found)}.npz"
        done = machine.run("-c", QUANTISED, tmp_path / "quantised.onnx", lab.folder / "batch.npz", out)
        assert done.code == 0, done.err
        with np.load(out) as held:
            found.append(dict(held))
    here, elsewhere = found
    assert len(here) == len(tensors) >= 2
    for name, array in here.items():
        assert len(np.unique(array)) > 50
        assert np.array_equal(elsewhere[name], array), f"{name} on {system.machine}"


def test_the_device_command_verifies_and_runs_it(bundle, lab, device, here):
    _, there = device
    done = there.command("verify", bundle)
    assert done.code == 0, done.err
    assert "signed by lab" in done.out
    done = there.command("run", bundle, lab.folder / "one.npz", "--json")
    assert done.code == 0, done.err
    answer = json.loads(done.out)
    assert answer["artefact"] == "onnxruntime-fp32"
    told = answer["outputs"]["finding"]
    assert told["decision"] == "positive"
    _, expected = here
    assert told["probabilities"][-1] == pytest.approx(expected["onnxruntime-fp32/finding"][1, -1], abs=1e-6)


def test_the_doctor_finds_that_all_run_there(bundle, device):
    """Each is loaded by a child process, whose Python is that of the machine too."""
    system, there = device
    done = there.command("doctor", bundle)
    assert done.code == 0, done.err
    assert done.out.startswith(f"{system.machine}, {'Cortex-A76' if system.cpuinfo else ''}")
    for name in APART:
        assert f"{name}: runs here" in done.out


def test_a_changed_bundle_is_refused_there(bundle, device):
    content = bytearray(bundle.read_bytes())
    content[len(content) // 2] ^= 1
    _, there = device
    (there.home / "changed.edgemed").write_bytes(content)
    there.command("verify", there.home / "changed.edgemed").refused(5, "the bundle is not whole")
