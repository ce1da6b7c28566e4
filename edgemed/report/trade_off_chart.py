"""The drawing of the trade-off as inline SVG: loss against time, and a strip of those without a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgemed.report.axis import Axis, tick_text
from edgemed.report.losses import Loss, Scale
from edgemed.report.placement import Box, place
from edgemed.report.trade_off import Entry, TradeOff
from edgemed.types.figures import SpeedRatio

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_RATIO = 3.0
WIDTH, LEFT, RIGHT, TOP, HEIGHT, FOOT = 460, 58, 8, 26, 250, 44
GAP, SPACING, WIDEST_STRIP = 10, 21, 152
LINE = 13
"""Height of a label."""


def trade_off_chart(found: TradeOff) -> Markup:
    """Points with their 95 % whiskers, numbered as in the legend; the original at (1, 0)."""
    from markupsafe import Markup

    timed, untimed, scale = found.timed, found.untimed, found.scale
    strip = min(SPACING * (len(untimed) + 1), WIDEST_STRIP) if untimed else 0
    right = WIDTH - RIGHT - (strip + GAP if strip else 0)
    x = Axis(0.0, _farthest(timed), LEFT, right)
    y = _loss_axis([*timed, *untimed], scale.limit)
    points = [(x.at(each.it.ratio.ratio), y.at(each.loss.value)) for each in timed if each.it.ratio]
    parts = [_frames(x, y, right, strip, found), _ticks(x, y, scale.percent)]
    original = x.at(1.0), y.at(0.0)
    frame = Box((LEFT + right) / 2, TOP + HEIGHT / 2, right - LEFT, HEIGHT)
    spots = [Box(*original, 11, 11), *(_spot(each, *at, y) for each, at in zip(timed, points, strict=True))]
    whiskers = [box for each, at in zip(timed, points, strict=True) for box in _whiskers(each, at, x, y)]
    limit, taken = _limit(y, frame, WIDTH - RIGHT, scale, [*spots, *whiskers])
    parts.append(limit)
    parts += [_point(each, at, _span(each.it.ratio, x), y) for each, at in zip(timed, points, strict=True)]
    parts.append(_original(*original))
    parts.append(_labels(["original", *(str(each.number) for each in timed)], spots, frame, taken))
    parts.append(_strip(untimed, y, WIDTH - RIGHT - strip, strip))
    spoken = f"{scale.title} against the ratio of times of {len(timed)} candidates"
    height = TOP + HEIGHT + FOOT
    if found.whose:
        spoken += f", times {found.whose}"
        height += LINE
    return Markup('<svg class="trade-svg" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, f"{spoken}; the table has the figures", Markup("").join(parts)
    )


def _farthest(timed: Sequence[Entry]) -> float:
    ends = [each.it.ratio.high or each.it.ratio.ratio for each in timed if each.it.ratio is not None]
    return min(max(1.0, *ends) * 1.06, MOST_RATIO)


def _loss_axis(entries: Sequence[Entry], limit: float | None) -> Axis:
    """From the least to the largest loss with their intervals.

    Dropped candidates far beyond the limit and beyond all that were kept are put at the edge: they would
    press the others into one line.
    """
    kept = [each.loss for each in entries if each.look != "dropped"]
    room = max([_high(loss) for loss in kept] + [3 * (limit or 0.0)])
    highs = [_high(each.loss) for each in entries if math.isfinite(each.loss.value)]
    top = min(max(highs, default=0.0), room) if room > 0 else max(highs, default=0.0)
    top = max(top, 1.2 * (limit or 0.0)) or 1e-3
    bottom = max(min([0.0, *(_low(each.loss) for each in entries)]), -top)
    margin = 0.06 * (top - bottom)
    return Axis(bottom - margin, top + margin, TOP + HEIGHT, TOP)


def _high(loss: Loss) -> float:
    return loss.value if loss.high is None else loss.high


def _low(loss: Loss) -> float:
    return loss.value if loss.low is None else loss.low


def _frames(x: Axis, y: Axis, right: float, strip: float, found: TradeOff) -> Markup:
    from markupsafe import Markup

    frame = Markup('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>')
    below = Markup('<text class="axis-text" x="{}" y="{}" text-anchor="middle">{}</text>')
    middle = _at((LEFT + right) / 2)
    parts = [
        frame.format(LEFT, TOP, right - LEFT, HEIGHT),
        Markup('<line class="one" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
            _at(x.at(1.0)), TOP, TOP + HEIGHT
        ),
        Markup('<line class="one" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(LEFT, right, _at(y.at(0.0))),
        Markup('<text class="axis-text" x="0" y="12">{}</text>').format(found.scale.title),
        below.format(middle, TOP + HEIGHT + 38, "time, ratio to the original"),
    ]
    if found.whose:
        parts.append(below.format(middle, TOP + HEIGHT + 38 + LINE, f"({found.whose})"))
    if strip:
        left = WIDTH - RIGHT - strip
        parts.append(frame.format(left, TOP, strip, HEIGHT))
        parts.append(
            Markup('<text class="axis-text" x="{}" y="12" text-anchor="end">no time</text>').format(
                WIDTH - RIGHT
            )
        )
    return Markup("").join(parts)


def _ticks(x: Axis, y: Axis, percent: bool) -> Markup:
    from markupsafe import Markup

    across = Markup('<text class="tick-text" x="{}" y="{}" text-anchor="middle">{}</text>')
    down = Markup('<text class="tick-text" x="{}" y="{}" text-anchor="end">{}</text>')
    marks = [across.format(_at(x.at(at)), TOP + HEIGHT + 17, tick_text(at)) for at in x.ticks()]
    marks += [
        down.format(LEFT - 6, _at(y.at(at) + 4), tick_text(at, percent=percent))
        for at in y.ticks()
        if at >= 0 or not percent
    ]
    return Markup("").join(marks)


def _limit(y: Axis, frame: Box, end: float, scale: Scale, marks: Sequence[Box]) -> tuple[Markup, list[Box]]:
    """The line of the limit with its label, and the box of that: above or below an end, where no mark is."""
    from markupsafe import Markup

    if scale.limit is None or not y.holds(scale.limit):
        return Markup(""), []
    at, text = y.at(scale.limit), f"limit {tick_text(scale.limit, percent=scale.percent)}"
    width = 7.0 * len(text)
    aside = (frame.width - width) / 2 - 5
    tried = [Box(frame.x + x, at + down, width, LINE) for down in (-9, 11) for x in (aside, -aside)]
    inside = [box for box in tried if box.lies_in(frame)] or tried
    box = min(inside, key=lambda box: sum(box.overlap(mark) for mark in marks))
    anchor, start = ("end", box.x + width / 2) if box.x > frame.x else ("start", box.x - width / 2)
    drawn = Markup(
        '<line class="limit" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<text class="limit-text" x="{}" y="{}" text-anchor="{}">{}</text>'
    ).format(LEFT, end, _at(at), _at(at), _at(start), _at(box.y + 4), anchor, text)
    return drawn, [box]


def _span(ratio: SpeedRatio | None, x: Axis) -> tuple[float, float] | None:
    if ratio is None or ratio.low is None or ratio.high is None:
        return None
    return x.at(ratio.low), x.at(ratio.high)


def _whiskers(entry: Entry, at: tuple[float, float], x: Axis, y: Axis) -> list[Box]:
    """What its whiskers cover, 1 unit wide."""
    boxes = []
    if across := _span(entry.it.ratio, x):
        boxes.append(Box(sum(across) / 2, at[1], across[1] - across[0], 1))
    if entry.loss.low is not None and entry.loss.high is not None:
        ends = y.at(entry.loss.high), y.at(entry.loss.low)
        boxes.append(Box(at[0], sum(ends) / 2, 1, ends[1] - ends[0]))
    return boxes


def _point(entry: Entry, at: tuple[float, float], across: tuple[float, float] | None, y: Axis) -> Markup:
    """A disc, of a pruned candidate a square; an arrow where it lies beyond the edge."""
    from markupsafe import Markup

    line = Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>')
    parts = [line.format(_at(across[0]), _at(across[1]), _at(at[1]), _at(at[1]))] if across else []
    if entry.loss.low is not None and entry.loss.high is not None:
        ends = _at(y.at(entry.loss.low)), _at(y.at(entry.loss.high))
        parts.append(line.format(_at(at[0]), _at(at[0]), *ends))
    back = _back(entry, y)
    if back is not None:
        parts.append(_arrow(*at, back))
    elif entry.it.pruned:
        square = Markup('<rect class="dot" x="{}" y="{}" width="9" height="9"/>')
        parts.append(square.format(_at(at[0] - 4.5), _at(at[1] - 4.5)))
    else:
        parts.append(Markup('<circle class="dot" cx="{}" cy="{}" r="5"/>').format(_at(at[0]), _at(at[1])))
    return Markup('<g class="{}">{}</g>').format(entry.look, Markup("").join(parts))


def _back(entry: Entry, y: Axis) -> tuple[int, int] | None:
    """The way into the drawing from the edge that a point lies beyond; None where it lies inside."""
    if not y.holds(entry.loss.value):
        return (0, 1) if entry.loss.value > y.high else (0, -1)
    return (-1, 0) if entry.it.ratio is not None and entry.it.ratio.ratio > MOST_RATIO else None


def _arrow(x: float, y: float, back: tuple[int, int]) -> Markup:
    """A triangle with its tip at the point; `back` is the way from there to its base."""
    from markupsafe import Markup

    base = (x + 10 * back[0], y + 10 * back[1])
    side = (5 * back[1], 5 * back[0])
    corners = [(x, y), (base[0] + side[0], base[1] + side[1]), (base[0] - side[0], base[1] - side[1])]
    return Markup('<polygon class="dot" points="{}"/>').format(
        " ".join(f"{_at(a)},{_at(b)}" for a, b in corners)
    )


def _original(x: float, y: float) -> Markup:
    from markupsafe import Markup

    return Markup('<path class="cross" d="M{0} {1}h14m-7 -7v14"/>').format(_at(x - 7), _at(y))


def _spot(entry: Entry, x: float, y: float, axis: Axis) -> Box:
    """What its mark covers."""
    right, down = _back(entry, axis) or (0, 0)
    return Box(x + 5 * right, y + 5 * down, 11, 11)


def _labels(texts: Sequence[str], spots: Sequence[Box], frame: Box, taken: Sequence[Box]) -> Markup:
    """Each text beside its spot; where it could not stay there, a line leads to it."""
    from markupsafe import Markup

    boxes = place(spots, [(8 * len(text) + 1, LINE) for text in texts], frame, taken)
    parts = []
    for text, spot, box in zip(texts, spots, boxes, strict=True):
        away = math.hypot(max(abs(box.x - spot.x) - box.width / 2, 0), max(abs(box.y - spot.y) - LINE / 2, 0))
        if away > 9:
            parts.append(
                Markup('<line class="leader" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
                    _at(spot.x), _at(spot.y), _at(box.x), _at(box.y)
                )
            )
        parts.append(_number(text, box.x, box.y + 4))
    return Markup("").join(parts)


def _strip(untimed: Sequence[Entry], y: Axis, left: float, width: float) -> Markup:
    """Those without a time, side by side, numbered below; in two rows where they are many."""
    from markupsafe import Markup

    parts = []
    step = width / (len(untimed) + 1)
    for index, each in enumerate(untimed):
        x = left + step * (index + 1)
        parts.append(_point(each, (x, y.at(each.loss.value)), None, y))
        lower = LINE * (index % 2) if step < SPACING - 1 else 0
        parts.append(_number(str(each.number), x, TOP + HEIGHT + 17 + lower))
    return Markup("").join(parts)


def _number(text: str, x: float, y: float) -> Markup:
    from markupsafe import Markup

    return Markup('<text class="number" x="{}" y="{}" text-anchor="middle">{}</text>').format(
        _at(x), _at(y), text
    )


def _at(position: float) -> str:
    return f"{position:.1f}"
