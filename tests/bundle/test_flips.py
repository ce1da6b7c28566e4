"""No byte of a bundle of some size may be another or missing; `test_format.py` has the small ones.

`make campaign` tries all values of every byte that is no artefact's; otherwise of a seeded sample.
"""

from __future__ import annotations

import random
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from edgemed.bundle.reader import Bundle
from edgemed.bundle.secret_key import SecretKey
from edgemed.bundle.stored_zip import local_header_size
from edgemed.bundle.trust import TrustStore
from edgemed.errors import EXIT_UNTRUSTED, EdgemedError, Untrusted

GOLDEN = Path(__file__).parent / "golden" / "v1.edgemed"
LAB = SecretKey(b"l" * 32)
TRUST = TrustStore().with_key("lab", LAB.public)
CAMPAIGN = settings.get_current_profile_name() == "campaign"
SAMPLE = 30
"""Bytes of which all values are tried."""
_OWN = ("manifest.json", "signatures.json")


@dataclass(frozen=True)
class Changing:
    """A copy of a bundle, changed in place. `content` is what it was."""

    path: Path
    content: bytes

    def with_byte(self, place: int, value: int) -> None:
        """Refused with this byte, and then as it was."""
        with self.path.open("r+b", buffering=0) as file:
            file.seek(place)
            file.write(bytes([value]))
            self.refused(f"byte {place} is {value}")
            file.seek(place)
            file.write(self.content[place : place + 1])

    def refused(self, what: str) -> None:
        error = self._error()
        assert error is not None, f"{what}, and it is trusted"
        assert (error.exit_code, error.where) == (EXIT_UNTRUSTED, str(self.path))

    def _error(self) -> EdgemedError | None:
        try:
            TRUST.signer(Bundle.open(self.path))
        except Untrusted as error:
            return error
        return None


@pytest.fixture
def large(remade, tmp_path) -> Changing:
    """A signed bundle of three artefacts and about 300 kB."""
    rng = random.Random(6)
    files = {"model_card.md": rng.randbytes(4000), "sbom.cdx.json": rng.randbytes(4000)}
    for name, size in (
        ("onnxruntime-fp32", 160_000),
        ("onnxruntime-int8", 50_000),
        ("openvino-int8", 50_001),
    ):
        files[f"artefacts/{name}/manifest.json"] = rng.randbytes(3000)
        files[f"artefacts/{name}/golden.npz"] = rng.randbytes(9000)
        files[f"artefacts/{name}/model"] = rng.randbytes(size)
    path = remade(files).write(tmp_path / "large.edgemed", LAB)
    return Changing(path, path.read_bytes())


@pytest.fixture
def small(tmp_path) -> Changing:
    path = Path(shutil.copyfile(GOLDEN, tmp_path / "small.edgemed"))
    return Changing(path, path.read_bytes())


def of_artefacts(path: Path) -> set[int]:
    """Where the bytes of artefacts are; manifest, signatures, headers and directory are the rest."""
    found: set[int] = set()
    with zipfile.ZipFile(path) as archive:
        for each in archive.infolist():
            if each.filename not in _OWN:
                start = each.header_offset + local_header_size(each.filename)
                found.update(range(start, start + each.file_size))
    return found


def others(each: Changing) -> list[int]:
    return sorted(set(range(len(each.content))) - of_artefacts(each.path))


def test_the_copies_are_trusted_as_they_are(small, large):
    for each in (small, large):
        assert TRUST.signer(Bundle.open(each.path)) == "lab"
    assert 280_000 < len(large.content) < 320_000
    assert len(others(large)) > 4000


@pytest.mark.slow
def test_no_byte_of_manifest_signatures_headers_and_directory_may_be_another(large):
    for place in others(large):
        large.with_byte(place, large.content[place] ^ 1 << place % 8)


@pytest.mark.slow
def test_nor_any_other_value(small):
    places = others(small)
    for place in places if CAMPAIGN else random.Random(6).sample(places, SAMPLE):
        for value in set(range(256)) - {small.content[place]}:
            small.with_byte(place, value)


@pytest.mark.slow
def test_no_byte_of_an_artefact_may_be_another(large):
    rng = random.Random(7)
    for place in rng.sample(sorted(of_artefacts(large.path)), 1000):
        large.with_byte(place, large.content[place] ^ rng.randrange(1, 256))


@pytest.mark.slow
def test_nothing_may_be_cut_off(large):
    size = len(large.content)
    lengths = {*range(0, size, 1024), *range(size - 2048, size)}
    for length in sorted(lengths, reverse=True):
        with large.path.open("r+b") as file:
            file.truncate(length)
        large.refused(f"cut to {length} of {size} bytes")
