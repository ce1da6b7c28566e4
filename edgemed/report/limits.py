"""How near an artefact must stay to the original, in words: what `edgemed.judge.meets` checks."""

from __future__ import annotations

from edgemed.types import Agreement


def limits_in_words(limits: Agreement, *, labelled: bool) -> str:
    """One phrase for the plan and the report."""
    snr = f"SNR of at least {limits.snr_db:g} dB"
    if not labelled:
        return f"without labels an {snr}"
    return (
        f"at least {100 * limits.decisions:.4g} % of decisions the same, the AUC within {limits.auc:g}, "
        f"sensitivity and specificity of each class no more than {limits.loss:g} lower "
        f"(regression: an {snr}; where the AUC is not defined: decisions and that SNR)"
    )
