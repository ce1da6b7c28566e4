"""The model card of a bundle, in Markdown, with the headings of Mitchell et al. 2019 (arXiv 1810.03993).

It tells what the artefacts' manifests and verdicts hold and what the recipe's `[card]` says, and nothing that
changes from one compile to the next: no times, no dates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edgemed.report.grounds import between, margin_of, sentence, several_outputs, title_of, whole_sentence
from edgemed.report.numerals import change, count, measured
from edgemed.types import CardSpec, InputSpec, Manifest, OutputSpec, Verdict

Artefacts = Mapping[str, tuple[Manifest, Verdict | None]]

_NOT_STATED = "Not stated."
_NO_DEVICE = (
    "edgemed is a tool for engineers, not a medical device. What is proven below is that an artefact is not "
    "worse than the model it was made of, on these cases and by these margins. That is no statement on "
    "clinical use."
)
_SIGN = (
    "A difference above 0 is in favour of the artefact, also of figures where less is better. Its interval "
    "is two-sided, of level 1 − 2 alpha."
)


def model_card(card: CardSpec, artefacts: Artefacts) -> str:
    """Of the artefacts of one compile, by id, with their verdicts (None where not judged)."""
    first = next(iter(artefacts.values()))[0]
    parts = [
        f"# {first.name} {first.version}",
        _NO_DEVICE,
        *_section("Intended use", card.intended_use),
        *_section("Out of scope", card.out_of_scope),
        *_section("Training data", card.trained_on),
        *_section("Limitations", card.limitations),
        *_section("Licence", card.licence),
        *_section("Contact", card.contact),
        "## Inputs",
        _table(("input", "dtype", "shape of a sample", "axes"), map(_input, first.inputs)),
        *(f"Of `{name}`, inside the artefact: {told}." for name, told in _steps(first.preprocess)),
        "## Outputs",
        _table(("output", "task", "columns", "operating point", "unit"), map(_output, first.outputs)),
        "## Artefacts",
        f"Compiled for `{first.target}`." if first.target else "",
        *(
            part
            for name, (manifest, verdict) in artefacts.items()
            for part in _artefact(name, manifest, verdict)
        ),
        "## Data",
        _table(("set", "sha256 of its content"), ((role, f"`{sha}`") for role, sha in first.data.items())),
        f"Golden cases are {first.golden_source}. Seed {first.seed}.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(title: str, text: str) -> tuple[str, str]:
    return f"## {title}", text.strip() or _NOT_STATED


def _input(spec: InputSpec) -> Sequence[str]:
    return f"`{spec.name}`", spec.dtype, " x ".join(map(str, spec.shape)), spec.layout or "as they are"


def _output(spec: OutputSpec) -> Sequence[str]:
    columns = ", ".join(spec.labels) or str(spec.columns)
    threshold = "" if spec.kind in ("regression", "multiclass") else f"{spec.threshold:g}"
    return f"`{spec.name}`", spec.kind, columns, threshold, spec.unit


def _steps(preprocess: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Arguments are in the manifest."""
    of_inputs = preprocess.get("in_graph", {})
    return [(name, ", ".join(step["op"] for step in steps)) for name, steps in of_inputs.items() if steps]


def _artefact(name: str, manifest: Manifest, verdict: Verdict | None) -> list[str]:
    tools = ", ".join(f"{tool} {version}" for tool, version in sorted(manifest.tools.items()))
    parts = [f"### {name}", f"Digest of what was judged: `{manifest.judged}`. Built with {tools}."]
    parts += [f"**Stamped: {stamp}.**" for stamp in manifest.stamps]
    if manifest.unmeasured:
        parts.append(f"Not measured on its target: {manifest.unmeasured}.")
    if manifest.stand_in:
        parts.append(f"Not executed on its hardware: judged by {manifest.stand_in}.")
    if verdict is None:
        return [*parts, "It was not judged."]
    told = sentence(verdict, manifest.outputs)
    parts.append(f"{whole_sentence(told)} Alpha {verdict.alpha:g}; answers by {verdict.executed_by}.")
    whole = several_outputs(verdict)
    rows = [
        (
            title_of(each, output=whole),
            count(each.n),
            measured(each.metric, each.original),
            measured(each.metric, each.artefact),
            f"{change(each.metric, each.difference)} ({between(each)})",
            margin_of(each, manifest.outputs),
            each.outcome or "",
        )
        for each in verdict.differences
    ]
    columns = ("figure", "n", "original", "artefact", "difference (interval)", "margin", "outcome")
    return [*parts, _table(columns, rows), _SIGN]


def _table(columns: Sequence[str], rows: Any) -> str:
    body = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in body) if len(body) > 2 else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
