"""What `edgemed-device tune` found, for people: device terminals have no rich."""

from __future__ import annotations

from edgemed.types.tuned import Tuned

_TAILS = ("p99_ms", "p95_ms", "p90_ms", "p50_ms")
"""Limits are held against the first that the rounds, as many for each artefact, allow to claim."""


def in_words(tuned: Tuned) -> str:
    """A table, what was left out and why, the best."""
    measured = [each.latency for each in tuned.artefacts.values()]
    tail = next(name for name in _TAILS if all(getattr(each, name) is not None for each in measured))
    times = tuple(dict.fromkeys(("p50_ms", tail)))
    titles = [name.replace("_", " ") for name in times]
    rows = [("artefact", *titles, "ratio", "95 % interval", "load ms", "MiB")]
    for artefact, each in tuned.artefacts.items():
        ratio = each.ratio
        between = "-" if ratio.low is None else f"{ratio.low:.2f} to {ratio.high:.2f}"
        rows.append(
            (
                artefact,
                *(_figure(getattr(each.latency, name)) for name in times),
                f"{ratio.ratio:.2f}",
                between,
                _figure(each.load_ms),
                _figure(each.memory_mib),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    lines.append(f"ratio: time over that of {tuned.baseline}, below 1 is faster")
    for name, each in tuned.artefacts.items():
        if each.missed:
            lines.append(f"{name} misses a limit: {'; '.join(each.missed)}")
        if each.stamps:
            lines.append(f"{name} is stamped: {', '.join(each.stamps)}")
    lines += [f"{name} was left out: {reason}" for name, reason in tuned.refused.items()]
    lines.append(f"best       {tuned.best or 'none: no artefact keeps to the limits'}")
    return "\n".join(lines)


def _figure(value: float) -> str:
    """Three figures, and no exponent."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
