"""How the report writes numbers."""

from __future__ import annotations

from edgemed.types.verdict import Figure, SpeedRatio

NONE = "–"
MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"
THIN = "\N{NARROW NO-BREAK SPACE}"


def significant(value: float | None, digits: int = 3) -> str:
    """0.142, 8.20, 1 234; an exponent only below 0.0001 and from ten million."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-4 or size >= 1e7:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    places = digits - 1
    while size >= 10 and places:
        size, places = size / 10, places - 1
    while size < 1:
        size, places = size * 10, places + 1
    return f"{value:,.{places}f}".replace(",", THIN).replace("-", MINUS)


def count(value: int | None) -> str:
    return NONE if value is None else f"{value:,}".replace(",", THIN)


def size(value: int | None) -> str:
    """Bytes as KiB or MiB."""
    if value is None:
        return NONE
    if value < 1024:
        return f"{value}{NO_BREAK}B"
    scaled, unit = (value / 1024, "KiB") if value < 1 << 20 else (value / (1 << 20), "MiB")
    return f"{significant(scaled)}{NO_BREAK}{unit}"


def seconds(value: float) -> str:
    if value >= 60:
        return f"{int(value // 60)}{NO_BREAK}min {value % 60:02.0f}{NO_BREAK}s"
    return f"{value:.1f}{NO_BREAK}s" if value >= 1 else f"{value * 1e3:.0f}{NO_BREAK}ms"


def share(value: float | None) -> str:
    """A share in per cent with two places; never rounded up to 100."""
    if value is None:
        return NONE
    if 0.9999 <= value < 1:
        return f"> 99.99{NO_BREAK}%"
    return f"{100 * value:.2f}".rstrip("0").rstrip(".") + f"{NO_BREAK}%"


def signed(value: float | None, places: int = 4) -> str:
    """With its sign: +0.0012, −0.00003, 0. Smaller values get more places, and an exponent below 0.000001."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    while round(value, places) == 0 and places < 6:
        places += 1
    text = f"{value:+.{places}f}" if round(value, places) else f"{value:+.0e}"
    return text.replace("-", MINUS)


def figure(item: Figure | None) -> str:
    """The value alone; see `interval` for its bounds."""
    if item is None or item.value is None:
        return NONE
    if item.name in ("auc", "accuracy", "sensitivity", "specificity", "r2"):
        return f"{item.value:.3f}".replace("-", MINUS)
    return significant(item.value) + (f"{NO_BREAK}{item.unit}" if item.unit else "")


def interval(item: Figure | None) -> str:
    """`0.951 to 0.982`, or "" where there is none."""
    if item is None or item.low is None or item.high is None:
        return ""
    if item.name in ("auc", "accuracy", "sensitivity", "specificity", "r2"):
        return f"{item.low:.3f} to {item.high:.3f}".replace("-", MINUS)
    return f"{significant(item.low)} to {significant(item.high)}"


def times(ratio: SpeedRatio | None) -> str:
    """How many times as fast: the ratio turned over."""
    return NONE if ratio is None else f"{significant(1 / ratio.ratio)}×"


def times_interval(ratio: SpeedRatio | None) -> str:
    if ratio is None or ratio.low is None or ratio.high is None:
        return ""
    return f"{significant(1 / ratio.high)} to {significant(1 / ratio.low)}"


FILTERS = {
    "significant": significant,
    "count": count,
    "size": size,
    "seconds": seconds,
    "share": share,
    "signed": signed,
    "figure": figure,
    "interval": interval,
    "times": times,
    "times_interval": times_interval,
}
