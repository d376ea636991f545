"""Confidence intervals of a share, and of the difference of two shares, in closed form.

A share: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212,
without continuity correction. The difference of two independent shares: R. G. Newcombe, Interval estimation for the
difference between independent proportions: comparison of eleven methods, Statistics in Medicine 17 (1998) 873-890,
method 10, which is built from the two Wilson intervals. Both stay within what is possible, and hold for no missed
visit, and for nothing but missed visits, where the usual formula gives an interval of no width.
"""

from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``low`` to ``high``, as shares of one."""

    low: float
    high: float


def wilson(part: int, whole: int, confidence: float = CONFIDENCE) -> Interval:
    """Give the interval of the share that ``part`` is of ``whole``, which is at least one."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle, spread = 2 * part + z * z, z * sqrt(z * z + 4 * part * (whole - part) / whole)
    low, high = ((middle + side * spread) / (2 * (whole + z * z)) for side in (-1, 1))
    # At the ends the formula gives the share itself, but for rounding.
    return Interval(0.0 if part == 0 else low, 1.0 if part == whole else high)


def newcombe(first: tuple[int, int], second: tuple[int, int], confidence: float = CONFIDENCE) -> Interval:
    """Give the interval of the first share less the second; each is given as a part and its whole, at least one."""
    (p, of_first), (q, of_second) = ((part / whole, wilson(part, whole, confidence)) for part, whole in (first, second))
    below = hypot(p - of_first.low, of_second.high - q)
    above = hypot(of_first.high - p, q - of_second.low)
    return Interval(p - q - below, p - q + above)
