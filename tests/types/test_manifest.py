"""What a verdict is bound to."""

from __future__ import annotations

from edgemed.types import Acquisition, InputSpec, Manifest, OutputSpec


def test_the_digest_of_an_artefact_does_not_change_with_what_later_acquisitions_state():
    """As computed before there were inversion and repetition times."""
    taken = Acquisition(1e-5, 2e6, (0.01,), "cpmg")
    manifest = Manifest(
        name="net",
        version="1",
        backend="onnxruntime",
        precision="fp32",
        inputs=(InputSpec("signal", "float32", (2, 1, 8, 1, 2), "TESKQ", taken),),
        outputs=(OutputSpec("score", "binary", 1),),
        preprocess={},
        files={"model.onnx": "0" * 64},
        threads=1,
        host={},
        tools={},
        data={},
        seed=0,
    )
    assert manifest.judged == "daa199cec2673dbf105844a3e59b367542e96984555d428b2ca1a61ee681c69b"
