"""Drawings of cases whose decision flipped, each with what was decided of it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from edgemed.report.numerals import mark
from edgemed.report.tables import kept
from edgemed.types.compilation import Compilation
from edgemed.types.figures import Flip

_PNG, _CASE = "data:image/png;base64,", "Case "
"""As the template writes them."""


@dataclass(frozen=True)
class Picture:
    """A PNG of one case. `line` says that it is a drawing of a signal, to be smoothed and not enlarged."""

    case: str
    png: bytes
    line: bool = False


@dataclass(frozen=True)
class Decided:
    """What one artefact made of a case, in words."""

    artefact: str
    label: str
    original: str
    changed: str


@dataclass(frozen=True)
class Exhibit:
    case: str
    base64: str
    line: bool
    target: str
    decided: tuple[Decided, ...]


def gallery(compilation: Compilation, pictures: Sequence[Picture]) -> list[Exhibit]:
    """Of each picture the flips of every kept artefact."""
    return [_exhibit(compilation, each) for each in pictures]


def pictures_in(page: str) -> tuple[Picture, ...]:
    """What a page was rendered with: pictures are in no other file."""
    reader = _PictureReader()
    reader.feed(page)
    reader.close()
    return tuple(reader.found)


class _PictureReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Picture] = []
        self._line = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "figure":
            self._line = told.get("class") == "line"
        source = told.get("src", "")
        if tag == "img" and source.startswith(_PNG):
            png = base64.b64decode(source.removeprefix(_PNG))
            self.found.append(Picture(told.get("alt", "").removeprefix(_CASE), png, self._line))


def _exhibit(compilation: Compilation, picture: Picture) -> Exhibit:
    found = [
        (candidate.id, figures.output, flip)
        for candidate in kept(compilation)
        for figures in candidate.accept_agreement or ()
        for flip in figures.flips
        if flip.case == picture.case
    ]
    several = len(compilation.model.outputs) > 1
    targets = dict.fromkeys(
        f"{_question(output, flip, several=several)}{flip.target}"
        for _, output, flip in found
        if flip.target is not None
    )
    decided = tuple(
        Decided(
            id,
            _question(output, flip, several=several),
            scored(flip.original, flip.original_score),
            scored(flip.artefact, flip.artefact_score),
        )
        for id, output, flip in found
    )
    encoded = base64.b64encode(picture.png).decode()
    return Exhibit(picture.case, encoded, picture.line, "; ".join(targets), decided)


def _question(output: str, flip: Flip, *, several: bool) -> str:
    """`organ: `, `edema: `, both, or nothing where a model has one question."""
    names = [output] if several else []
    return "".join(f"{name}: " for name in [*names, *([flip.label] if flip.label else [])])


def scored(decision: str, score: float | None) -> str:
    """`clear (0.481)`."""
    return decision if score is None else f"{decision} ({mark(score)})"
