"""How an outcome looks: a shape and its name, since colours alone tell not everyone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgemed.types.verdict import Outcome

if TYPE_CHECKING:
    from markupsafe import Markup

LOOKS: dict[Outcome, str] = {"proven": "proven", "refuted": "refuted", "not provable": "open"}


def look(outcome: Outcome | None) -> str:
    """Class of what has that outcome."""
    return "" if outcome is None else LOOKS[outcome]


def outcome_mark(outcome: Outcome) -> Markup:
    """A disc, a diamond or a ring around the point (0, 0)."""
    from markupsafe import Markup

    if outcome == "refuted":
        return Markup('<path class="point" d="M0 -6.5L6.5 0L0 6.5L-6.5 0Z"/>')
    return Markup('<circle class="point" r="4.5"/>')


def outcome_badge(outcome: Outcome) -> Markup:
    """Its mark before its name."""
    from markupsafe import Markup

    return Markup(
        '<span class="outcome {}"><svg width="13" height="13" aria-hidden="true">'
        '<svg class="at" x="6.5" y="6.5" width="1" height="1">{}</svg></svg>{}</span>'
    ).format(look(outcome), outcome_mark(outcome), outcome)
