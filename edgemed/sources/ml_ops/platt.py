"""Platt's scaling of a two-class SVM, with the stopping rule that LIBSVM has around it."""

from __future__ import annotations

from edgemed.sources.ml_ops.replacement import Replacement

SMALLEST = 1e-7
STOP = 0.005 / 2
"""LIBSVM's eps for two classes."""


def platt_probabilities(made: Replacement) -> bool:
    """Before: the logit of the first class, shape (rows, 1), last node added. After: shape (rows, 2).

    LIBSVM, and onnxruntime after it, does not return r = sigmoid(logit) but solves for p by the coordinate
    descent of Wu, Lin and Weng, "Probability Estimates for Multi-class Classification by Pairwise Coupling",
    JMLR 5 (2004), algorithm 2, from p = 1/2 until |p - r| max(p, 1 - p) < eps. For two classes that ends
    after no sweep (p = 1/2), after one (p1 below, up to .004 from r) or after two (within 2e-4 of r, taken
    as r).
    """
    add = made.add
    one, stop = made.constant(1.0), made.constant(STOP)
    r = add(
        "Clip", add("Sigmoid", made.nodes[-1].output[0]), made.constant(SMALLEST), made.constant(1 - SMALLEST)
    )
    other = add("Sub", one, r)
    r_squared, other_squared = add("Mul", r, r), add("Mul", other, other)
    both = add("Add", r_squared, other_squared)
    p = add("Div", both, add("Add", both, add("Add", other_squared, other_squared)))
    shift = add("Mul", add("Sub", p, r), p)
    p1 = add("Div", add("Mul", p, r_squared), add("Add", r_squared, shift))
    larger = add("Max", p1, add("Sub", one, p1))
    after_one = add("Less", add("Mul", add("Abs", add("Sub", p1, r)), larger), stop)
    half = made.constant(0.5)
    at_once = add("Less", add("Mul", add("Abs", add("Sub", r, half)), half), stop)
    first = add("Where", at_once, half, add("Where", after_one, p1, r))
    add("Concat", first, add("Sub", one, first), axis=1)
    return True
