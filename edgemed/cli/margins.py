"""The options `--margin` and `--alpha`, over what a recipe says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.types import JudgeSpec


def with_margins(spec: JudgeSpec, given: Sequence[str], alpha: float | None) -> JudgeSpec:
    """`spec` with each `METRIC=LOSS` of `given` for every output, and `alpha`.

    A loss is a number, `none`, or of bias and mae `tenth`, see `Margins`. Raises `BadInput` for another form,
    an unknown metric and a loss that cannot be proven.
    """
    from edgemed.types import Margins

    changed = set()
    for text in given:
        name, loss = _parsed(text)
        try:
            spec = dataclasses.replace(
                spec, margins=Margins.from_dict({**spec.margins.to_dict(), name: loss})
            )
        except BadInput as error:
            raise BadInput(error.problem, where=f"--margin {text}", remedy=error.remedy) from None
        changed.add(name)
    outputs = {
        output: {name: loss for name, loss in margins.items() if name not in changed}
        for output, margins in spec.outputs.items()
    }
    return dataclasses.replace(spec, outputs=outputs, alpha=spec.alpha if alpha is None else alpha)


def _parsed(text: str) -> tuple[str, float | str]:
    from edgemed.types import Margins, did_you_mean

    name, equals, loss = text.partition("=")
    known = [each.name for each in dataclasses.fields(Margins)]
    if name not in known:
        raise BadInput(
            f"there is no metric {name!r}", where=f"--margin {text}", remedy=did_you_mean(name, known)
        )
    words = ("none", "tenth") if getattr(Margins(), name) == "tenth" else ("none",)
    if loss in words:
        return name, loss
    try:
        return name, float(loss)
    except ValueError:
        others = " or ".join(f"--margin {name}={word}" for word in words)
        raise BadInput(
            f"{loss!r} is no number" if equals else "no loss is given",
            where=f"--margin {text}",
            remedy=f"--margin {name}=.05, or {others} (none only reports it)",
        ) from None
