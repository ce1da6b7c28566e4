"""Leave-one-group-out: each patient or substance answered by what learnt from all the others."""

from __future__ import annotations

import numpy as np

from edgemed.mr.figures import Figure, figures
from edgemed.mr.fitted import Progress, fit_networks
from edgemed.mr.signal_set import joined
from edgemed.mr.study import Material, Study


def leave_one_out(study: Study, material: Material, progress: Progress) -> tuple[Figure, ...]:
    """Figures over all signals, at the highest of `study.snrs`. Networks of a seed and the readout are fitted
    anew for each group, so answers to different groups come from different ones."""
    everything = joined(material.fit, material.validate)
    snr = max(study.snrs, default=None)
    networks = [
        {head.name: np.empty((len(everything), head.columns)) for head in material.heads}
        for _ in range(study.seeds)
    ]
    linear = {head.name: np.empty((len(everything), head.columns)) for head in material.heads}
    for group in np.unique(everything.groups):
        own = everything.groups == group
        fit, validate = everything.rows(np.flatnonzero(~own)).split(material.heads, study.seed)
        fitted = fit_networks(study, material, fit, validate, f"leaving out {group}", progress)
        rows = fitted.seen(everything.rows(np.flatnonzero(own)), "test", snr)
        given = (*fitted.answers(rows), fitted.linear(fit, validate, snr)(rows))
        for place, answer in zip((*networks, linear), given, strict=True):
            for name, columns in answer.items():
                place[name][own] = columns
    return figures(material.heads, everything.targets, networks, linear, snr)
