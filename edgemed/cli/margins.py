"""The options `--margin` and `--alpha`, over what a recipe says."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.errors import BadInput

if TYPE_CHECKING:
    from edgemed.types import JudgeSpec


def with_margins(spec: JudgeSpec, given: Sequence[str], alpha: float | None) -> JudgeSpec:
    """`spec` with each `METRIC=LOSS` (or `METRIC=none`) of `given` for every output, and `alpha`.

    Raises `BadInput` for another form, an unknown metric and a loss that cannot be proven.
    """
    changed: dict[str, float | None] = {}
    for text in given:
        name, loss = _parsed(text)
        try:
            spec = dataclasses.replace(spec, margins=dataclasses.replace(spec.margins, **{name: loss}))
        except BadInput as error:
            raise BadInput(error.problem, where=f"--margin {text}", remedy=error.remedy) from None
        changed[name] = loss
    outputs = {
        output: {name: loss for name, loss in margins.items() if name not in changed}
        for output, margins in spec.outputs.items()
    }
    return dataclasses.replace(spec, outputs=outputs, alpha=spec.alpha if alpha is None else alpha)


def _parsed(text: str) -> tuple[str, float | None]:
    from edgemed.types import Margins, did_you_mean

    name, equals, loss = text.partition("=")
    known = [each.name for each in dataclasses.fields(Margins)]
    if name not in known:
        raise BadInput(
            f"there is no metric {name!r}", where=f"--margin {text}", remedy=did_you_mean(name, known)
        )
    if loss == "none":
        return name, None
    try:
        return name, float(loss)
    except ValueError:
        raise BadInput(
            f"{loss!r} is no number" if equals else "no loss is given",
            where=f"--margin {text}",
            remedy=f"--margin {name}=.05, or --margin {name}=none to only report it",
        ) from None
