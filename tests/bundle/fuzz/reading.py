"""Fuzzes what reads files that nobody vouches for: python reading.py KIND WORK_FOLDER [libFuzzer's options]

KIND is `bundle`, `trust` or `golden`; WORK_FOLDER has a folder `corpus` of seeds. Inputs are mutated as bytes
and by `made_consistent`. Any exception but edgemed's own ends it, and so does an accepted bundle that is not
byte for byte what `write_bundle` makes of it.
"""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))

with atheris.instrument_imports(include=["edgemed.bundle", "edgemed.readers", "edgemed.types"]):
    from edgemed.bundle.reader import Bundle
    from edgemed.bundle.trust import TrustStore
    from edgemed.bundle.writer import write_bundle
    from edgemed.errors import EdgemedError
    from edgemed.runtime.golden import GoldenCases
    from edgemed.types import InputSpec, OutputSpec

from made_consistent import LAB, mutated_bundle, mutated_json, mutated_npz

KIND, WORK = sys.argv[1], Path(sys.argv[2])
TRUST = TrustStore().with_key("lab", LAB.public)
INPUTS = (InputSpec("image", "uint8", (4, 4), "HW"), InputSpec("age", "float32", (1,), "F"))
OUTPUTS = (OutputSpec("finding", "binary", 1),)
LONGEST_MESSAGE = 4000
ACCEPTED = WORK / "accepted"
"""There once an input passed that is none of the seeds."""


def bundle(content: bytes) -> None:
    path, again, out = WORK / "a.edgemed", WORK / "b.edgemed", WORK / "out"
    path.write_bytes(content)
    found = Bundle.open(path)
    entries = {name: found.pieces(name) for name in found.manifest.entries}
    write_bundle(again, found.manifest, entries, found.signatures)
    assert again.read_bytes() == content, "another file than write_bundle makes was read"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for name in found.manifest.artefacts:
        found.extract(name, out / name)
        files = [each for each in (out / name).rglob("*") if each.is_file()]
        assert {each.relative_to(out / name).as_posix() for each in files} == set(
            found.manifest.files_of(name)
        )
    TRUST.signer(found)
    _accepted(content)


def trust(content: bytes) -> None:
    path = WORK / "trust.json"
    path.write_bytes(content)
    store = TrustStore.read(path)
    assert TrustStore.from_json(store.to_json()) == store
    _accepted(content)


def golden(content: bytes) -> None:
    (WORK / "golden.npz").write_bytes(content)
    cases = GoldenCases(WORK, INPUTS, OUTPUTS)
    assert len(list(cases)) == len(cases)
    _accepted(content)


def _accepted(content: bytes) -> None:
    if content not in SEEDS and not ACCEPTED.exists():
        ACCEPTED.write_bytes(content)


READ = {"bundle": bundle, "trust": trust, "golden": golden}[KIND]
MUTATED = {"bundle": mutated_bundle, "trust": mutated_json, "golden": mutated_npz}[KIND]
SEEDS = {path.read_bytes() for path in (WORK / "corpus").iterdir()}


def one_input(content: bytes) -> None:
    try:
        READ(content)
    except EdgemedError as error:
        told = str(error)
    else:
        return
    assert len(told) < LONGEST_MESSAGE, "whoever sends a file decides how long a message is"


def mutator(content: bytes, most: int, seed: int) -> bytes:
    return MUTATED(content, random.Random(seed), atheris.Mutate)[:most]


atheris.Setup([sys.argv[0], *sys.argv[3:], str(WORK / "corpus")], one_input, custom_mutator=mutator)
atheris.Fuzz()
