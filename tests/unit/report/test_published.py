"""What is shown of counts: the same in every list, so that none gives away what another withholds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhirnotify.core.model import Coding
from fhirnotify.errors import SettingsError
from fhirnotify.ledger.port import Unmapped
from fhirnotify.ledger.statistics import Group, RunTimes
from fhirnotify.report.counts import Counts, steadiness
from fhirnotify.report.disclosure import Mark, is_small
from fhirnotify.report.period import period
from fhirnotify.report.published import Line, Published, publish
from fhirnotify.report.words import ENGLISH, LANGUAGES, SWEDISH

SWEDEN = ZoneInfo("Europe/Stockholm")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

GROUPS = st.lists(
    st.builds(
        Group,
        st.sampled_from(["Location/1", "Location/2", "Location/3", None]),
        st.sampled_from(["video", "mottagning", None]),
        st.sampled_from(["delivered", "undelivered", "accepted", "no-consent", "no-mobile-number", "uncertain"]),
        st.one_of(st.integers(1, 9), st.integers(1, 400)),
    ),
    max_size=25,
)


def published(groups: list[Group]) -> Published:
    """Publish counts of a day."""
    counts = Counts()
    counts.add(groups)
    counts.days = {NOON.date(): (counts.total.reminded, counts.total.unreminded)}
    counts.leads = (counts.total.reminded, 0, 0, 0, 0, 0)
    return publish(counts)


def shown(line: Line) -> list[int | Mark]:
    """Give everything that is shown of a line."""
    return [line.considered, line.reminded, line.unreminded, *line.delivery.values(), *line.causes.values()]


@settings(max_examples=150, deadline=None)
@given(GROUPS)
def test_no_small_count_is_shown_and_no_single_one_is_withheld_beside_its_sum(groups: list[Group]) -> None:
    """Nowhere is one to four; and of no row, nor column, is one cell alone withheld when the sum is shown."""
    made = published(groups)
    lines = [made.total, *made.units, *made.types, *made.days]
    assert not any(isinstance(each, int) and is_small(each) for line in lines for each in shown(line))
    for line in lines:
        for whole, parts in (
            (line.considered, [line.reminded, line.unreminded]),
            (line.reminded, list(line.delivery.values())),
            (line.unreminded, list(line.causes.values())),
        ):
            hidden = [each for each in parts if isinstance(each, Mark)]
            assert not isinstance(whole, int) or len(hidden) != 1
            if isinstance(whole, int) and parts and not hidden:
                assert sum(each for each in parts if isinstance(each, int)) == whole
        assert line.share is None or (isinstance(line.reminded, int) and isinstance(line.considered, int))
    for table in (made.units, made.types):
        for column in ("considered", "reminded"):
            hidden = [each for each in (getattr(line, column) for line in table) if isinstance(each, Mark)]
            assert len(hidden) != 1


def test_few_in_all_are_not_split() -> None:
    """Where those with a reminder, or without one, are few, only the number of visits is shown."""
    made = published([Group("Location/1", "video", "delivered", 40), Group("Location/1", "video", "no-consent", 2)])
    assert (made.total.considered, made.total.reminded, made.units, made.days) == (42, Mark.WITHHELD, (), ())
    assert published([Group(None, None, "no-consent", 2)]).total.considered is Mark.FEW


def test_one_unit_shows_no_more_than_all() -> None:
    """The same line; an unknown unit is refused with those that there are."""
    made = published(
        [Group(f"Location/{n}", "video", what, 50) for n in (1, 2) for what in ("delivered", "no-consent")]
    )
    one = made.of_unit("Location/2")
    assert one.units == (made.units[1],)
    assert (one.total.considered, one.days, one.types) == (100, (), ())
    with pytest.raises(SettingsError, match=r"of the unit Location/3") as refused:
        made.of_unit("Location/3")
    assert "Location/1, Location/2" in refused.value.next_step


def test_codes_without_a_mapping_are_withheld_alike() -> None:
    """A small count goes with the smallest that hides it; the order tells nothing."""
    counts = Counts(unmapped=tuple(Unmapped(Coding("s", code), n, NOON) for code, n in (("c", 90), ("a", 9), ("b", 3))))
    codes = [(each.code, each.count) for each in publish(counts).unmapped]
    assert codes == [("c", 90), ("a", Mark.WITHHELD), ("b", Mark.FEW)]


def test_steadiness() -> None:
    """Lengths of those that ended, and the longest time between two beginnings."""
    begun = [NOON, NOON + timedelta(minutes=10), NOON + timedelta(minutes=50)]
    ends = [timedelta(seconds=10), None, timedelta(seconds=30)]
    runs = steadiness(RunTimes(at, None if took is None else at + took) for at, took in zip(begun, ends, strict=True))
    assert (runs.count, runs.unfinished, runs.median_length) == (3, 1, timedelta(seconds=20))
    assert (runs.longest_gap, runs.longest_gap_from) == (timedelta(minutes=40), begun[1])
    assert steadiness([]).longest_gap is None


def test_the_period() -> None:
    """Four weeks that end today, by local days; or as given."""
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    default = period(None, None, late, SWEDEN)
    assert (default.first, default.last, len(default.days)) == (date(2026, 10, 27), date(2026, 11, 23), 28)
    assert default.since == datetime(2026, 10, 26, 23, tzinfo=UTC)
    assert period(None, date(2026, 3, 1), late, SWEDEN).first == date(2026, 2, 2)
    assert period(date(2026, 12, 24), None, late, SWEDEN).last == date(2026, 12, 24)


def test_both_languages_have_every_word() -> None:
    """What one says the other says, too."""
    assert set(LANGUAGES) == {"sv", "en"}
    for part in ("texts", "delivery", "causes", "types"):
        assert set(getattr(SWEDISH, part)) == set(getattr(ENGLISH, part))


@pytest.mark.parametrize(
    ("share", "told"), [(0.0, "0%"), (0.0001, "<1%"), (0.78, "78%"), (0.9999, ">99%"), (1.0, "100%")]
)
def test_what_is_not_all_is_not_told_as_all(share: float, told: str) -> None:
    """Nor what is not nothing as nothing."""
    assert ENGLISH.percent(share) == told
