"""Paired answers with a known true difference, to count how often a margin is proven that is not kept."""

from __future__ import annotations

import numpy as np

from edgemed.judge.tango import proves

AUC = 0.9
APART = 1.8123876048736465
"""Distance of the means of two classes whose scores have unit spread, at that AUC."""


def exact_rate(n, gain, margin, alpha):
    """Probability that Tango's bound proves a loss below the margin where it is the margin: no simulation.

    Sums over numbers of gained and lost cases; those left out have a probability below 1e-9.
    """
    from scipy.stats import binom

    lost = gain + margin
    most = [int(binom.isf(1e-10, n, share)) + 1 if share else 0 for share in (gain, lost)]
    x, y = np.meshgrid(*(np.arange(min(n, each) + 1) for each in most), indexing="ij")
    possible = x + y <= n
    x, y = x[possible], y[possible]
    chance = binom.pmf(x, n, gain) * binom.pmf(y, n - x, lost / (1 - gain))
    return float(chance[proves(x, y, n, margin, alpha)].sum())


def clusters(random, n, size, icc, share):
    """(n,) draws of 0 or 1 with mean `share`, `size` to a group, alike by `icc` (beta-binomial; 1: equal)."""
    groups = n // size
    if icc == 0 or share == 1:
        chance = np.full(groups, share)
    elif icc == 1:
        chance = (random.random(groups) < share).astype(float)
    else:
        total = 1 / icc - 1
        chance = random.beta(share * total, (1 - share) * total, groups)
    return random.random(groups * size) < np.repeat(chance, size)


def decisions(random, n, size, icc, loss, gain):
    """Which decisions of each model are right, and the groups: lost with `loss`, won with `gain`."""
    turned = clusters(random, n, size, icc, loss + gain)
    cases = len(turned)
    lost = clusters(random, n, size, icc, loss / (loss + gain))
    before = random.random(cases) < 0.9
    before = np.where(turned, lost, before)
    after = np.where(turned, ~lost, before)
    return before, after, np.arange(cases) // size


def labels(random, n, prevalence, size=1):
    """(n,) with both classes at least twice; the cases of a group are of one class."""
    groups = n // size
    positive = np.zeros(groups, bool)
    positive[: max(2, round(prevalence * groups))] = True
    random.shuffle(positive)
    return np.repeat(positive, size)


def scores(random, positive, size=1, icc=0.0):
    """Binormal, of AUC .9."""
    own = random.normal(size=len(positive))
    shared = np.repeat(random.normal(size=len(positive) // size), size)
    return APART * positive + np.sqrt(1 - icc) * own + np.sqrt(icc) * shared


def worse_scores(random, before, positive, margin, change, size=1, icc=0.0):
    """Those of an artefact whose true AUC is lower by `margin`; `change` says how it came to that."""
    from scipy.special import ndtri

    if change == "noise":
        wider = (APART / (np.sqrt(2) * ndtri(AUC - margin))) ** 2 - 1
        own, shared = random.normal(size=len(before)), random.normal(size=len(before) // size)
        noise = np.sqrt(1 - icc) * own + np.sqrt(icc) * np.repeat(shared, size)
        return before + np.sqrt(wider) * noise
    gone = clusters(random, len(before), size, icc, margin / AUC)
    if change == "lost positives":
        return np.where(positive & gone, -99.0, before)
    if change == "lost negatives":
        return np.where(~positive & gone, 99.0, before)
    swapped = clusters(random, len(before), size, icc, margin / (2 * AUC - 1))
    other = random.normal(size=len(before)) + APART * ~positive
    return np.where(swapped, other, before)


def probabilities(random, positive, prevalence):
    """Calibrated ones from binormal scores."""
    odds = APART * scores(random, positive) - APART**2 / 2 + np.log(prevalence / (1 - prevalence))
    return 1 / (1 + np.exp(-odds))


def worse_probabilities(random, before, positive, share, change):
    """`change` befalls a share of the cases, or is noise of that spread in log odds."""
    if change == "noise":
        return 1 / (1 + np.exp(-(np.log(before / (1 - before)) + share * random.normal(size=len(before)))))
    hit = random.random(len(before)) < share
    if change == "wrong":
        return np.where(hit, 1.0 - positive, before)
    return np.where(hit, random.permutation(before), before)


def share_for_brier(margin, prevalence, change):
    """The share (spread) at which the mean Brier score of a million cases rises by `margin`."""
    from scipy.optimize import brentq

    random = np.random.default_rng(99)
    positive = random.random(1_000_000) < prevalence
    before = probabilities(random, positive, prevalence)

    def excess(share):
        after = worse_probabilities(np.random.default_rng(7), before, positive, share, change)
        return np.mean((after - positive) ** 2 - (before - positive) ** 2) - margin

    return brentq(excess, 1e-4, 5.0 if change == "noise" else 0.999, xtol=1e-5)


SPREAD, ERROR = 3.0, 0.05
"""Standard deviations of the truth of a regression and of its original's error."""


def values(random, n):
    """Truth and the original's answers, (n,) each."""
    truth = random.normal(0, SPREAD, n)
    return truth, truth + random.normal(0, ERROR, n)


def worse_values(random, before, metric, margin, size):
    """Those of an artefact that is worse by `margin` in bias, mae or r2: off by `size` in rare cases, by a
    little in all where that is 0."""
    mean_error = ERROR * np.sqrt(2 / np.pi)
    if size:
        cost = {"bias": size, "mae": size - mean_error, "r2": (size / SPREAD) ** 2}[metric]
        off = random.random(len(before)) < margin / cost
        return before + size * off * (1 if metric == "bias" else random.choice([-1, 1], len(before)))
    if metric == "bias":
        return before + random.normal(margin, margin, len(before))
    variance = (ERROR * (1 + margin / mean_error)) ** 2 - ERROR**2 if metric == "mae" else margin * SPREAD**2
    return before + random.normal(0, np.sqrt(variance), len(before))
