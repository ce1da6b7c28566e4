"""Subgroups: the sites, scanners, sexes and age bands in which the differences are told as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

FEWEST = 10
"""Cases in a subgroup: smaller ones are pooled."""
BANDS = 4
MOST_VALUES = 8
"""Of a stratum with more values than these, numbers are told in bands."""

Mask = NDArray[np.bool_]


def subgroups(strata: Mapping[str, Sequence[str]], cases: int) -> tuple[dict[str, Mask], tuple[str, ...]]:
    """Which of the cases are in each subgroup, by names such as `site=A` or `age=18-44`; and notes.

    Each stratum holds what each case belongs to, "" where that is not known. Numbers of many values are put
    into at most four bands at their quartiles. Subgroups of fewer than 10 cases are pooled under a name
    without "=", which is no value's; what is still smaller is left out, and a note says so. Fewer than two
    subgroups are none.
    """
    found: dict[str, Mask] = {}
    notes: list[str] = []
    for name, values in strata.items():
        parts = _parts(np.asarray(values, str))
        large = {f"{name}={value}": mask for value, mask in parts.items() if mask.sum() >= FEWEST}
        small = [mask for mask in parts.values() if mask.sum() < FEWEST]
        pooled = np.any(small, axis=0) if small else np.zeros(cases, bool)
        if large and pooled.sum() >= FEWEST:
            large[f"{name}: fewer than {FEWEST} cases each"] = pooled
        elif pooled.any():
            notes.append(f"{name}: {pooled.sum()} cases of {len(small)} small subgroups are not told apart")
        unknown = cases - sum(int(mask.sum()) for mask in parts.values())
        if unknown and parts:
            notes.append(f"{name} is not known of {unknown} of {cases} cases")
        if len(large) > 1:
            found |= large
    return found, tuple(notes)


def _parts(values: NDArray[np.str_]) -> dict[str, Mask]:
    known = values != ""
    distinct = sorted(set(values[known].tolist()))
    if len(distinct) > MOST_VALUES and all(map(_is_number, distinct)):
        return _bands(values, np.where(known, values, "nan").astype(float))
    return {value: values == value for value in distinct}


def _bands(values: NDArray[np.str_], numbers: NDArray[np.float64]) -> dict[str, Mask]:
    """Named by their ends as these were written: no two bands have the same."""
    known = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1], method="lower"))
    band = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))
    found = {}
    for each in np.unique(band[band >= 0]):
        of_band = np.flatnonzero(band == each)
        first, last = (values[of_band[pick(numbers[of_band])]] for pick in (np.argmin, np.argmax))
        found[f"{first}-{last}"] = band == each
    return found


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False
