"""Near-duplicates: cases of two sets that are one picture or signal, changed a little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgemed.judge.fingerprint import sketch, thumbnail
from edgemed.types import InputSpec, Sample
from edgemed.types.compilation import Role

FEWEST_VALUES = 64
"""Of an input that is compared: a row of a table may well be like another's."""
UNEXPLAINED = 0.08
"""Of what a picture has beyond the mean picture: with less than that left, it is another one's copy. Of 5,856
chest X-rays of 28 x 28, no two distinct ones of different sets leave less than .088, of 260 volumes of the
hippocampus .127. Copies by brightness (99 %), JPEG 30 (all), noise (all), a shift by one pixel along an axis
(99 %) or both (75 %) and a crop by one pixel (96 %) leave less than .08."""
_CANDIDATES = 5
_ALIKE = 0.5
"""Correlation, the mean picture taken away, below which a pair is not looked at."""
_FAR, _NEAR = 20, 5
_FALSE_PAIRS = 0.05
"""Expected number of pairs of distinct signals that are taken for one, in all sets together."""
_LARGEST_DISTANCE = 0.01
"""1 - correlation of a signal and its copy, at most."""
_ROWS = 64

Pair = tuple[int, int]
"""Numbers of two cases; the first is of an earlier set."""


class NearDuplicates:
    """Keeps a fingerprint of at most 1 KiB (a volume's: 4 KiB) per case and input, never arrays.

    Inputs with a picture layout are compared as pictures, others of at least 64 values as signals; a pair is
    near where it is in each of these inputs that varies at all. Usage: `add` each case, set after set, then
    `pairs`.
    """

    def __init__(self, inputs: Sequence[InputSpec]) -> None:
        self._inputs = [spec for spec in inputs if spec.samples >= FEWEST_VALUES]
        self._prints = {spec.name: bytearray() for spec in self._inputs}
        self._last: dict[str, NDArray[Any]] = {}
        self._cases: list[tuple[Role, str]] = []

    def add(self, role: Role, sample: Sample) -> None:
        if not self._inputs:
            return
        self._cases.append((role, sample.name))
        for spec in self._inputs:
            array = sample.inputs[spec.name]
            self._last[spec.name] = thumbnail(array, spec.layout) if "H" in spec.layout else sketch(array)
            self._prints[spec.name] += self._last[spec.name].tobytes()

    def pairs(self) -> dict[tuple[Role, Role], list[tuple[str, str]]]:
        """By two sets, in the order they were read, the names of near cases: each of the later set once."""
        roles = list(dict.fromkeys(role for role, _ in self._cases))
        sets = np.array([roles.index(role) for role, _ in self._cases])
        if len(roles) < 2:
            return {}
        found = [
            (near_pictures if "H" in spec.layout else near_signals)(prints, sets)
            for spec in self._inputs
            if ((prints := self._stacked(spec.name)).min(axis=0) < prints.max(axis=0)).any()
        ]
        named: dict[tuple[Role, Role], dict[str, str]] = {}
        for earlier, later in sorted(set.intersection(*found) if found else ()):
            (first, name), (second, other) = self._cases[earlier], self._cases[later]
            named.setdefault((first, second), {}).setdefault(other, name)
        return {pair: [(name, other) for other, name in both.items()] for pair, both in named.items()}

    def _stacked(self, name: str) -> NDArray[Any]:
        last = self._last[name]
        return np.frombuffer(self._prints[name], last.dtype).reshape(-1, *last.shape)


def near_pictures(thumbnails: NDArray[np.uint8], sets: NDArray[np.intp]) -> set[Pair]:
    """Pairs of different sets where one thumbnail, moved, scaled, brightened, leaves little of the other.

    `thumbnails` is (n, height, width) or (n, depth, height, width); `sets` (n,) ascends. Little is
    `UNEXPLAINED` of the variance that the mean picture, moved in the same way, leaves. Shift and scale are
    linear there: the tangent distance of Simard, LeCun and Denker (1993), one-sided. Each case is compared
    with the 5 cases of earlier sets that correlate most with it.
    """
    row = np.dtype((np.float32, _halved(thumbnails[0]).size))
    units = _unit_rows(np.fromiter(map(_halved, thumbnails), row, len(thumbnails)))
    mean = _tangents(thumbnails.mean(axis=0)[np.newaxis])
    found: set[Pair] = set()
    for later, alike in _likeness(units, sets):
        earlier = alike[: int(np.searchsorted(sets, sets[later]))]
        likely = np.argpartition(-earlier, min(_CANDIDATES, len(earlier)) - 1)[:_CANDIDATES]
        likely = likely[earlier[likely] > _ALIKE]
        if not likely.size:
            continue
        picture = thumbnails[later].reshape(-1).astype(np.float64)
        left = _left(picture, _tangents(thumbnails[likely].astype(np.float64)))
        near = likely[left < UNEXPLAINED * _left(picture, mean)]
        found |= {(int(each), later) for each in near}
    return found


def near_signals(sketches: NDArray[np.float32], sets: NDArray[np.intp]) -> set[Pair]:
    """Pairs of different sets that correlate beyond .99 and beyond what distinct signals do by chance.

    `sketches` is (n, 256), `sets` (n,) ascends; fewer than 8 cases tell nothing. Distance is 1 - correlation,
    the mean signal taken away and every bucket scaled to its spread. Raw MR signals of different heads
    correlate beyond .999, so no fixed limit tells them apart: a pair's distance is compared with that to the
    later one's 20th nearest case. How distances grow from the 5th nearest to the 20th tells in how many ways
    m signals differ (Levina and Bickel 2004). By chance the nearest case lies below a share t of the 20th
    distance with probability up to 20 t^(m/2), and t is such that `_FALSE_PAIRS` are expected in all.
    """
    far = min(_FAR, len(sketches) // 2)
    near = far // (_FAR // _NEAR)
    if not near:
        return set()
    units = _unit_rows(sketches.astype(np.float64) / np.maximum(sketches.std(axis=0), 1e-12))
    growth: list[float] = []
    ratios: dict[Pair, float] = {}
    for later, alike in _likeness(units, sets):
        distances = np.maximum(1.0 - alike, 1e-12)
        distances[later] = np.inf
        ranked = np.partition(distances, (near - 1, far - 1))
        growth.append(float(np.log(ranked[far - 1] / ranked[near - 1])))
        shares = distances / ranked[far - 1]
        close = np.flatnonzero((sets < sets[later]) & (distances < _LARGEST_DISTANCE) & (shares < 1.0))
        ratios |= {(int(each), later): float(shares[each]) for each in close}
    ways = 2.0 * np.log(far / near) / max(float(np.median(growth)), 1e-12)
    limit = (_FALSE_PAIRS / (far * len(growth))) ** (2.0 / ways)
    return {pair for pair, share in ratios.items() if share < limit}


def _halved(thumbnail: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Sums of neighbours along each axis, flattened."""
    sums: NDArray[Any] = thumbnail
    for axis in range(sums.ndim):
        sums = np.add.reduceat(sums, np.arange(0, sums.shape[axis], 2), axis=axis, dtype=np.uint16)
    return sums.reshape(-1)


def _likeness(units: NDArray[Any], sets: NDArray[np.intp]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Each case that is not of the first set, with its correlation with every case."""
    for start in range(int(np.searchsorted(sets, 1)), len(units), _ROWS):
        for offset, row in enumerate(units[start : start + _ROWS] @ units.T):
            yield start + offset, row


def _unit_rows(rows: NDArray[Any]) -> NDArray[Any]:
    """The same array, written over: rows with mean 0 and norm 1, the mean row taken away."""
    rows -= rows.mean(axis=1, keepdims=True)
    _normalise(rows)
    rows -= rows.mean(axis=0)
    _normalise(rows)
    return rows


def _normalise(rows: NDArray[Any]) -> None:
    rows /= np.maximum(np.sqrt(np.einsum("nv,nv->n", rows, rows)), 1e-12)[:, np.newaxis]


def _tangents(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, columns, values): of each picture a constant, itself, and its change when moved along each axis and
    when scaled."""
    axes = range(1, pictures.ndim)
    slopes = [np.gradient(pictures, axis=axis) for axis in axes]
    scaled = np.zeros_like(pictures)
    for axis, slope in zip(axes, slopes, strict=True):
        size = pictures.shape[axis]
        places = np.arange(size) - (size - 1) / 2
        scaled += slope * places.reshape([-1 if each == axis else 1 for each in range(pictures.ndim)])
    columns = (np.ones_like(pictures), pictures, *slopes, scaled)
    return np.stack([each.reshape(len(pictures), -1) for each in columns], axis=1)


def _left(picture: NDArray[np.float64], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) sums of squares that least squares on each picture's columns leaves."""
    products = columns @ columns.transpose(0, 2, 1)
    weights = np.linalg.pinv(products, hermitian=True) @ (columns @ picture)[..., np.newaxis]
    rest = picture - (weights.transpose(0, 2, 1) @ columns)[:, 0]
    return np.asarray(np.einsum("nv,nv->n", rest, rest))
