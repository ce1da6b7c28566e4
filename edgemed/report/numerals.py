"""How the report and the terminal write numbers."""

from __future__ import annotations

from edgemed.types.figures import Figure, SpeedRatio

NOISE = 1e-12
"""No share or AUC of fewer than a million cases is nearer to another one, or to 0 or 1, without being it."""

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
    if abs(value) < 1e-4 or abs(value) >= 1e7:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    size = abs(float(f"{value:.{digits - 1}e}"))
    places = digits - 1
    while size >= 10 and places:
        size, places = size / 10, places - 1
    while size < 1:
        size, places = size * 10, places + 1
    return f"{value:,.{places}f}".replace(",", THIN).replace("-", MINUS)


def count(value: int | None) -> str:
    return NONE if value is None else f"{value:,}".replace(",", THIN)


def amount(value: int) -> str:
    """Three places of a large count: 84.2 k, 4.09 G."""
    for power, unit in ((9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{significant(value / 10**power)}{NO_BREAK}{unit}"
    return count(value)


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
    return f"{value:.1f}{NO_BREAK}s"


def share(value: float | None) -> str:
    """A share in per cent with two places; rounded neither up to 100 nor down to 0."""
    if value is None:
        return NONE
    if value <= NOISE or value >= 1 - NOISE:
        return f"{100 * value:.0f}{NO_BREAK}%"
    if value >= 0.9999:
        return f"> 99.99{NO_BREAK}%"
    if value <= 0.0001:
        return f"< 0.01{NO_BREAK}%"
    return f"{100 * value:.2f}{NO_BREAK}%"


def signed(value: float | None, places: int = 4) -> str:
    """With its sign: +0.0012, −0.00003, 0. Smaller values get more places, and an exponent below 0.000001."""
    if value is None:
        return NONE
    if abs(value) < NOISE:
        return "0"
    while round(value, places) == 0 and places < 6:
        places += 1
    text = f"{value:+.{places}f}" if round(value, places) else f"{value:+.0e}"
    return text.replace("-", MINUS)


def mark(value: float) -> str:
    """0.965; 0 and 1 only where it is that, else with more places: 0.9998."""
    whole = round(value)
    if abs(value - whole) < NOISE:
        return f"{whole:.3f}".replace("-", MINUS)
    places = 3
    while round(value, places) in (0, 1):
        places += 1
    return f"{value:.{places}f}".replace("-", MINUS)


_MARKS = ("auc", "accuracy", "sensitivity", "specificity", "r2")


def measured(name: str, value: float | None, unit: str = "") -> str:
    """A figure of that name."""
    if value is None:
        return NONE
    if name in _MARKS:
        return mark(value)
    return significant(value) + (f"{NO_BREAK}{unit}" if unit else "")


def change(name: str, value: float | None) -> str:
    """A difference of figures of that name, with its sign."""
    if value is None or name in _MARKS or value == 0:
        return signed(value)
    return ("+" if value > 0 else MINUS) + significant(abs(value), 2)


def figure(item: Figure | None) -> str:
    """The value alone; see `interval` for its bounds."""
    return NONE if item is None else measured(item.name, item.value, item.unit)


def interval(item: Figure | None) -> str:
    """`0.951 to 0.982`, or "" where there is none."""
    if item is None or item.low is None or item.high is None:
        return ""
    write = mark if item.name in _MARKS else significant
    return f"{write(item.low)} to {write(item.high)}"


def ratio(item: SpeedRatio | None) -> str:
    """Time over the original's, below 1 is faster; see `ratio_interval` for its bounds."""
    return NONE if item is None else significant(item.ratio)


def ratio_interval(item: SpeedRatio | None) -> str:
    if item is None or item.low is None or item.high is None:
        return ""
    return f"{significant(item.low)} to {significant(item.high)}"


FILTERS = {
    "significant": significant,
    "count": count,
    "size": size,
    "seconds": seconds,
    "share": share,
    "signed": signed,
    "figure": figure,
    "interval": interval,
    "ratio": ratio,
    "ratio_interval": ratio_interval,
}
