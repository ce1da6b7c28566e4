"""The XML header of an MRD file: what the samples' meaning depends on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from xml.etree import ElementTree

from edgemed.errors import BadInput
from edgemed.types.acquisition import LOWEST_LARMOR_HZ

_LARMOR = "experimentalConditions/H1resonanceFrequency_Hz"
_PROTOCOL = "measurementInformation/protocolName"
_ECHO_TIMES = "sequenceParameters/TE"
_INVERSION_TIMES = "sequenceParameters/TI"
_REPETITION_TIMES = "sequenceParameters/TR"


@dataclass(frozen=True)
class MrdHeader:
    """What is read of it. No echo times where it has no TE, None where it has no TI or TR."""

    larmor_frequency_hz: float
    protocol: str
    echo_times_s: tuple[float, ...]
    inversion_times_s: tuple[float, ...] | None
    repetition_times_s: tuple[float, ...] | None

    @classmethod
    def parse(cls, text: str) -> MrdHeader:
        """Of an `ismrmrdHeader` in any namespace or none.

        Raises `BadInput` where it is no such XML or lacks the Larmor frequency or the protocol, and for a
        document type: nothing is expanded.
        """
        if "<!DOCTYPE" in text:
            raise BadInput("the MRD header has a document type; expected an ismrmrdHeader without one")
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise BadInput(f"the MRD header is not XML: {error}") from error
        if root.tag.rpartition("}")[2] != "ismrmrdHeader":
            raise BadInput("the MRD header's first element is not ismrmrdHeader")
        protocol = _texts(root, _PROTOCOL)
        if not protocol:
            raise _missing(_PROTOCOL, "the sequence's name")
        larmor = _texts(root, _LARMOR)
        if not larmor:
            raise _missing(_LARMOR, "the frequency at the receiver's centre, in Hz")
        return cls(
            larmor_frequency_hz=_frequency(larmor[0]),
            protocol=protocol[0],
            echo_times_s=_times(root, _ECHO_TIMES),
            inversion_times_s=_times(root, _INVERSION_TIMES) or None,
            repetition_times_s=_times(root, _REPETITION_TIMES) or None,
        )


def scaled(text: str, power: int, name: str) -> float:
    """The number times 10^`power`, rounded once: 12.8 microseconds are 1.28e-05 s.

    Raises `BadInput` that says `name` where `text` is no number.
    """
    try:
        return float(Decimal(text).scaleb(power))
    except ArithmeticError:
        raise BadInput(f"{name} is {text!r}; expected a number") from None


def _times(root: ElementTree.Element, path: str) -> tuple[float, ...]:
    """Milliseconds there, seconds here."""
    return tuple(scaled(text, -3, path) for text in _texts(root, path))


def _frequency(text: str) -> float:
    hertz = scaled(text, 0, _LARMOR)
    if hertz < LOWEST_LARMOR_HZ:
        raise BadInput(
            f"{_LARMOR} is {text}: too low for a frequency in Hz",
            remedy="write it in Hz; some MaRGE versions write MHz there",
        )
    return hertz


def _texts(root: ElementTree.Element, path: str) -> list[str]:
    """What the elements at `path` say, those that say nothing left out."""
    anywhere = "/".join(f"{{*}}{name}" for name in path.split("/"))
    return [text for found in root.findall(anywhere) if (text := (found.text or "").strip())]


def _missing(element: str, meaning: str) -> BadInput:
    return BadInput(f"the MRD header lacks {element}", remedy=f"write {meaning} there")
