"""Confidence intervals, against what their authors published."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirnotify.report.interval import newcombe, wilson


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0),
    ],
)
def test_a_share(part: int, whole: int, low: float, high: float) -> None:
    """The examples of Newcombe's paper on single shares (1998, table I, method 3), and one turned about."""
    found = wilson(part, whole)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    """All eight examples of Newcombe's paper on differences (1998, table II, method 10)."""
    found = newcombe(first, second)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


SHARES = st.integers(1, 3000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole)))


@given(SHARES, SHARES)
def test_what_is_found_lies_in_what_is_possible(first: tuple[int, int], second: tuple[int, int]) -> None:
    """The share is in its interval and the difference in its own; turned about, it is the same with its sign changed."""
    p, q = (part / whole for part, whole in (first, second))
    one, there, back = wilson(*first), newcombe(first, second), newcombe(second, first)
    assert 0 <= one.low <= p <= one.high <= 1
    assert one.low < one.high
    assert -1 - 1e-12 <= there.low <= p - q <= there.high <= 1 + 1e-12
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def likely(whole: int, p: float) -> list[float]:
    """Give how likely each number of so many is."""
    return [comb(whole, n) * p**n * (1 - p) ** (whole - n) for n in range(whole + 1)]


@pytest.mark.parametrize("wholes", [(20, 30), (40, 15)])
def test_it_covers_as_often_as_it_says(wholes: tuple[int, int]) -> None:
    """Counted out, not thrown: over many true shares it holds the true difference in 95 of 100, hardly ever in less than 92."""
    intervals = {
        (x, y): newcombe((x, wholes[0]), (y, wholes[1])) for x in range(wholes[0] + 1) for y in range(wholes[1] + 1)
    }
    covered = []
    for p in (0.03, 0.08, 0.2, 0.5, 0.85):
        for q in (0.05, 0.1, 0.3, 0.6):
            first, second = likely(wholes[0], p), likely(wholes[1], q)
            covered.append(
                sum(first[x] * second[y] for (x, y), found in intervals.items() if found.low <= p - q <= found.high)
            )
    assert 0.94 < sum(covered) / len(covered) < 0.98
    assert min(covered) > 0.92
