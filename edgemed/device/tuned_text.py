"""What `edgemed-device tune` found, for people: device terminals have no rich."""

from __future__ import annotations

from edgemed.types.tuned import Tuned


def in_words(tuned: Tuned) -> str:
    """A table, what was left out and why, the best."""
    rows = [("artefact", "p50 ms", "p99 ms", "ratio", "95 % interval", "load ms", "MiB")]
    for name, each in tuned.artefacts.items():
        ratio, p99 = each.ratio, each.latency.p99_ms
        between = "-" if ratio.low is None else f"{ratio.low:.2f} to {ratio.high:.2f}"
        rows.append(
            (
                name,
                _figure(each.latency.p50_ms),
                "-" if p99 is None else _figure(p99),
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
