"""Extended phase graphs: the echoes of a CPMG train whose pulses need not turn by their nominal angles.

The states and their rotation, relaxation and shift follow Weigel, J. Magn. Reson. Imaging 41 (2015) 266-295,
after Hennig, J. Magn. Reson. 78 (1988) 397-407. Every function works element by element on arrays that
broadcast: any number of (T1, T2, B1) at once. Times in s, longitudinal magnetisation relative to equilibrium.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
_States = tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.complex128]]

EXCITATION = math.pi / 2
REFOCUSING = math.pi


def recover(longitudinal: ArrayLike, time_s: float, t1_s: ArrayLike) -> Floats:
    """Longitudinal magnetisation after `time_s` of free relaxation: `1 - (1 - M) exp(-t / T1)`."""
    return np.asarray(1.0 - (1.0 - np.asarray(longitudinal)) * np.exp(-time_s / np.asarray(t1_s)))


def invert(longitudinal: ArrayLike, b1: ArrayLike) -> Floats:
    """After an inversion pulse of `b1` times 180 degrees; what it leaves transverse is taken as spoiled."""
    return np.asarray(np.asarray(longitudinal) * np.cos(math.pi * np.asarray(b1)))


def cpmg(
    start: ArrayLike,
    t1_s: ArrayLike,
    t2_s: ArrayLike,
    b1: ArrayLike,
    *,
    spacing_s: float,
    echoes: int,
    refocusing: float = REFOCUSING,
) -> tuple[Floats, Floats]:
    """Excite once by 90 degrees, refocus `echoes` times by `refocusing` radians, both times `b1`.

    `start` is the longitudinal magnetisation before the excitation. Returns the echoes (echoes, ...), which
    are real in a CPMG train, and the longitudinal magnetisation at the last echo (...), of the arguments'
    common shape.
    """
    shaped = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (start, t1_s, t2_s, b1)))
    begin, t1, t2, scale = (each.reshape(-1) for each in shaped)
    decay1, decay2 = np.exp(-0.5 * spacing_s / t1), np.exp(-0.5 * spacing_s / t2)

    # each half spacing adds one order, and what is beyond the train's middle cannot come back to order 0
    orders = echoes + 2
    longitudinal = np.zeros((orders, begin.size), np.complex128)
    longitudinal[0] = begin
    blank = np.zeros_like(longitudinal)
    states = _turn((blank, blank, longitudinal), EXCITATION * scale, math.pi / 2)

    heights = np.empty((echoes, begin.size))
    for echo in range(echoes):
        states = _turn(_pass(states, decay1, decay2), refocusing * scale, 0.0)
        states = _pass(states, decay1, decay2)
        heights[echo] = states[0][0].real
    shape = shaped[0].shape
    return heights.reshape(echoes, *shape), states[2][0].real.reshape(shape)


def _turn(states: _States, angle: Floats, phase: float) -> _States:
    """A pulse of `angle` (n,) about the transverse axis at `phase`: Weigel's equation 15."""
    plus, minus, longitudinal = states
    stay, swap, tip = np.cos(angle / 2) ** 2, np.sin(angle / 2) ** 2, np.sin(angle)
    turn = complex(math.cos(phase), math.sin(phase))
    back = turn.conjugate()
    return (
        stay * plus + (turn**2 * swap) * minus - (1j * turn * tip) * longitudinal,
        (back**2 * swap) * plus + stay * minus + (1j * back * tip) * longitudinal,
        (-0.5j * back * tip) * plus + (0.5j * turn * tip) * minus + np.cos(angle) * longitudinal,
    )


def _pass(states: _States, decay1: Floats, decay2: Floats) -> _States:
    """Half an echo spacing: relaxation, recovery of order 0, and every transverse state one order up."""
    plus, minus, longitudinal = states
    shifted_plus, shifted_minus = np.empty_like(plus), np.empty_like(minus)
    shifted_minus[:-1] = minus[1:] * decay2
    shifted_minus[-1] = 0.0
    shifted_plus[1:] = plus[:-1] * decay2
    shifted_plus[0] = shifted_minus[0].conj()
    longitudinal = longitudinal * decay1
    longitudinal[0] += 1.0 - decay1
    return shifted_plus, shifted_minus, longitudinal
