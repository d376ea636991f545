"""The page of a report in a real browser: it asks for nothing, complains of nothing, and fits where it is shown."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from chromium import Browser, need_chromium

from fhirnotify.ledger.statistics import Ended, Group
from fhirnotify.report.counts import Counts
from fhirnotify.report.html import page
from fhirnotify.report.period import Period
from fhirnotify.report.published import publish
from fhirnotify.report.words import SWEDISH

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def report(tmp_path: Path) -> str:
    """A page of four weeks at three units, by its address."""
    days = Period(NOON.date() - timedelta(days=27), NOON.date(), ZoneInfo("Europe/Stockholm"))
    counts = Counts()
    for n, unit in enumerate(("Location/1", "Location/2", None)):
        counts.add(Group(unit, "video", what, 560) for what in ("delivered", "undelivered", "no-consent")[: n + 1])
    counts.add_ends(
        Ended("video", what, count, count // 20, count // 2, count // 10)
        for what, count in (("delivered", 1680), ("undelivered", 1120), ("no-consent", 560))
    )
    total = counts.total.reminded // 28, counts.total.unreminded // 28
    counts.days = dict.fromkeys(days.days, total)
    counts.leads = (counts.total.reminded, 0, 0, 0, 0, 0)
    names = {"Location/1": "Vuxenpsykiatriska öppenvårdsmottagningen"}
    file = tmp_path / "report.html"
    measured = "<script>document.title = document.documentElement.scrollWidth - innerWidth</script></body>"
    text = page(publish(counts), days, SWEDISH, names, NOON)
    file.write_text(text.replace("</body>", measured), "utf-8")
    return file.as_uri()


def test_the_page_opens(report: str, tmp_path: Path) -> None:
    """Without a word on the console, and without anything wider than the window."""
    browser = Browser(need_chromium(), tmp_path)
    document, said = browser.document(report, milliseconds=500)
    assert said == []
    assert "<title>0</title>" in document
    assert "Vuxenpsykiatriska öppenvårdsmottagningen" in document
    assert 'class="whisker' in document
    light, dark = (browser.picture(report, 500, 1200, dark=dark) for dark in (False, True))
    assert light != dark
