"""The rule that keeps or drops a candidate. It compares point figures: it is no proof of non-inferiority."""

from __future__ import annotations

from edgemed.types import Agreement
from edgemed.types.figures import AgreementFigures


def meets(agreement: Agreement, figures: tuple[AgreementFigures, ...], labelled: bool) -> tuple[bool, str]:
    """Whether every output stays near enough to the original, and a sentence with figure, value and limit.

    Labelled: the share of equal decisions, the absolute AUC difference (macro where there are several
    classes) and the largest loss of sensitivity or specificity of any class. Unlabelled, regression, and
    outputs whose AUC is not defined: SNR, the last with decisions.
    The sentence tells the failures where there are any, all figures otherwise. No output is no agreement.
    """
    if not figures:
        return False, "no output was compared"
    passed: list[str] = []
    failed: list[str] = []
    for figure in figures:
        prefix = f"{figure.output}: " if len(figures) > 1 else ""
        for good, text in _checks(agreement, figure, labelled):
            (passed if good else failed).append(prefix + text)
    return not failed, "; ".join(failed or passed)


def _checks(limits: Agreement, figures: AgreementFigures, labelled: bool) -> list[tuple[bool, str]]:
    if figures.kind == "regression":
        return [_snr(limits, figures, _mae_note(figures))]
    if not labelled or not figures.labelled:
        note = ""
        if figures.decisions is not None and figures.decisions.value is not None:
            note = f" (no labels; {_counted(figures)} of decisions agree)"
        return [_snr(limits, figures, note)]
    auc = figures.difference("auc")
    if auc is None or auc.value is None:
        why = auc.reason if auc is not None else "not computed"
        return [_decisions(limits, figures), _snr(limits, figures, f" (AUC is not defined: {why})")]
    gap = abs(auc.value)
    text = f"AUC differs by {gap:.2g}, limit {limits.auc:g}"
    return [_decisions(limits, figures), (_within(gap, limits.auc), text), *_losses(limits, figures)]


def _losses(limits: Agreement, figures: AgreementFigures) -> list[tuple[bool, str]]:
    """99 % of decisions can hide a lost class: where 3 in 500 are ill, two of them are .4 %."""
    known = [
        each
        for each in figures.differences
        if each.name in ("sensitivity", "specificity") and each.value is not None
    ]
    worst = min(known, key=lambda each: each.value or 0.0, default=None)
    if worst is None or worst.value is None:
        return []
    if worst.value >= 0:
        return [(True, "no sensitivity or specificity falls")]
    label = f" of {worst.label}" if worst.label else ""
    return [
        (
            _within(-worst.value, limits.loss),
            f"{worst.name}{label} falls by {-worst.value:.3g}, limit {limits.loss:g}",
        )
    ]


def _within(gap: float, limit: float) -> bool:
    """1 - .95 is a little more than .05 in floating point."""
    return gap <= limit + 1e-9


def _decisions(limits: Agreement, figures: AgreementFigures) -> tuple[bool, str]:
    share = figures.decisions
    value = 0.0 if share is None or share.value is None else share.value
    label = f" on {share.label}" if share is not None and share.label else ""
    return (
        value >= limits.decisions,
        f"{_counted(figures)} of decisions{label} agree, limit {limits.decisions:.4g}",
    )


def _counted(figures: AgreementFigures) -> str:
    share = figures.decisions
    if share is None or share.value is None:
        return "none"
    return f"{share.value:.4f} ({round(share.value * share.n)} of {share.n})"


def _snr(limits: Agreement, figures: AgreementFigures, note: str) -> tuple[bool, str]:
    scale = "value" if figures.kind == "regression" else "logit"
    limit = f"limit {limits.snr_db:g} dB"
    if figures.identical:
        return True, f"{scale} SNR infinite (identical outputs), {limit}{note}"
    if figures.snr_db is None:
        why = "what does not vary in the original differs in the artefact"
        return False, f"{scale} SNR is minus infinity ({why}), {limit}{note}"
    return figures.snr_db >= limits.snr_db, f"{scale} SNR {figures.snr_db:.2f} dB, {limit}{note}"


def _mae_note(figures: AgreementFigures) -> str:
    known = [each for each in figures.differences if each.name == "mae" and each.value is not None]
    if not known:
        return ""
    worst = max(known, key=lambda each: each.value or 0.0)
    return f" (MAE changes by {worst.value:+.3g}{' ' + worst.unit if worst.unit else ''})"
