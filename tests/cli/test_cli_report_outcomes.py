"""``report``: missed visits, in every form."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from place import Place

from fhirnotify.core.answer import Evidence, Reason
from fhirnotify.core.model import ContactType
from fhirnotify.ledger.port import Change, Claim, State, Verdict
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.report.sentences import ENGLISH, SWEDISH

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT_NOW = "--now=2026-11-23T13:00:00+01:00"
UNIT = "Location/101"


@pytest.fixture
def month(place: Place) -> Place:
    """A place with 600 visits of two types: two of three were reminded of."""
    place.settings()
    evidence, claims, verdicts = Evidence("Appointment/x", "Patient/x"), [], []
    for n in range(600):
        start, kind = NOW - timedelta(days=15 + n % 12), list(ContactType)[n // 3 % 2]
        reason = [None, None, Reason.NO_CONSENT if n < 300 else Reason.NO_MOBILE_NUMBER][n % 3]
        verdicts.append(Verdict(f"a{n}", f"p{n}", start, reason, kind, evidence, unit=UNIT))
        if reason is None:
            claims.append(Claim(f"a{n}", f"p{n}", start, kind, evidence, 2, unit=UNIT))
    with closing(SqlLedger(f"sqlite:///{place.ledger}")) as ledger:
        ledger.begin("r1", NOW)
        ledger.claim("r1", NOW, claims, verdicts)
        taken = ledger.take("r1", NOW, 600)
        for state in (State.SENDING, State.ACCEPTED, State.DELIVERED):
            ledger.move("r1", NOW, [Change(each.id, state) for each in taken])
        ledger.finish("r1", NOW, {})
    return place


MISSED = "CASE WHEN n % 3 < 2 AND n % 10 = 4 OR n % 3 = 2 AND n % 4 = 3 THEN 'noshow' ELSE 'fulfilled' END"
"""Every tenth of those reminded of, every fourth of the others."""


def read(place: Place, status: str = MISSED) -> None:
    """Let what became of the visits be read."""
    with closing(sqlite3.connect(place.ledger)) as database, database:
        database.execute(
            f"INSERT INTO outcome SELECT appointment, start, {status}, start "
            "FROM (SELECT appointment, start, CAST(substr(appointment, 2) AS INTEGER) AS n FROM decision)"
        )


def outcomes(place: Place) -> dict:
    """Give that part of the report for programs."""
    result = place.run("report", AT_NOW, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["outcomes"]


def test_for_programs(month: Place) -> None:
    """Counts, shares and intervals of both groups, and their difference."""
    read(month)
    told = outcomes(month)
    total = told["total"]
    assert told["read"] is True
    assert total["reminded"] == {
        "missed": 40,
        "attended": 360,
        "neither": 0,
        "other": 0,
        "unknown": 0,
        "missed_share": {"value": 0.1, "low": 0.0743, "high": 0.13331},
    }
    assert (total["not_reminded"]["missed"], total["not_reminded"]["attended"]) == (50, 150)
    assert total["difference"]["value"] == -0.15
    assert -0.22 < total["difference"]["low"] < total["difference"]["high"] < -0.08
    assert [each["contact_type"] for each in told["contact_types"]] == ["mottagning", "video"]
    assert [(each["reason"], each["missed"] + each["attended"]) for each in told["reasons"]] == [
        ("no-consent", 100),
        ("no-mobile-number", 100),
    ]


def test_as_csv(month: Place) -> None:
    """The same counts, shares and intervals, one a line."""
    read(month)
    rows = list(csv.DictReader(io.StringIO(month.run("report", AT_NOW, "--csv").stdout)))
    told = {(row["of"], row["key"], row["measure"]): row["count"] for row in rows}
    assert ("outcomes", "shown", "") in told
    assert told["all", "", "reminded:other"] == "0"
    shares = {(row["of"], row["key"], row["measure"]): (row["share"], row["low"], row["high"]) for row in rows}
    assert shares["all", "", "reminded:missed"] == ("0.1", "0.0743", "0.13331")
    assert shares["all", "", "missed-difference"][0] == "-0.15"
    assert shares["all", "", "considered"] == ("", "", "")
    assert told["all", "", "reminded:missed"] == "40"
    assert told["all", "", "not-reminded:attended"] == "150"
    assert told["reason", "no-consent", "not-reminded:missed"] == "25"
    assert ("contact-type", "video", "reminded:missed") in told


def test_on_the_terminal(month: Place) -> None:
    """With what it does not prove."""
    read(month)
    shown = month.run("report", AT_NOW).stdout
    assert "10.0%" in shown
    assert "\N{MINUS SIGN}15.0 pp" in shown
    assert ENGLISH["helping-no-proof"] in " ".join(shown.split())


@pytest.mark.parametrize(("language", "words", "share"), [("sv", SWEDISH, "10,0\u00a0%"), ("en", ENGLISH, "10.0%")])
def test_on_the_page(month: Place, language: str, words: dict[str, str], share: str) -> None:
    """In both languages; each picture beside its figures."""
    read(month)
    file = month.directory / "page.html"
    assert month.run("report", AT_NOW, f"--html={file}", f"--language={language}").exit_code == 0
    page = file.read_text("utf-8")
    assert words["helping"] in page
    assert words["helping-no-proof"] in page
    assert words["helping-apart"] in page
    assert share in page
    assert page.count('class="whisker') == 8
    assert page.count('class="whisker') == page.count('class="range"')
    assert "<script" not in page


def test_before_anything_has_been_read(month: Place) -> None:
    """The report says by what command it is read."""
    file = month.directory / "page.html"
    shown = month.run("report", AT_NOW, f"--html={file}").stdout + month.run("report", AT_NOW).stdout
    assert outcomes(month)["read"] is False
    assert ENGLISH["helping-none"] in " ".join(shown.split())
    assert SWEDISH["helping-none"] in file.read_text("utf-8")
    table = month.run("report", AT_NOW, "--csv").stdout
    assert "missed" not in table
    assert "outcomes,not-read," in table


def test_what_may_still_be_read_anew_is_not_compared(month: Place) -> None:
    """Two reports of a time that are made on two days would differ by one visit that was closed between them."""
    read(month)
    half = json.loads(month.run("report", "--now=2026-11-20T13:00:00+01:00", "--json").stdout)["outcomes"]["total"]
    assert half["reminded"]["missed"] + half["reminded"]["attended"] == 300, "of the days until 5 November"
    assert half["reminded"]["other"] == 100
    assert month.run("report", "--now=2026-11-10T13:00:00+01:00", "--csv").stdout.count("outcomes,not-read,") == 1


def test_of_one_unit(month: Place) -> None:
    """Nothing of it is shown, and the page says so."""
    read(month)
    file = month.directory / "page.html"
    told = json.loads(month.run("report", AT_NOW, "--json", f"--unit={UNIT}").stdout)
    month.run("report", AT_NOW, f"--html={file}", f"--unit={UNIT}")
    assert told["outcomes"] is None
    assert SWEDISH["helping-unit"] in file.read_text("utf-8")
    assert "whisker" not in file.read_text("utf-8").partition("</style>")[2]


def test_few_are_not_told_in_any_form(month: Place) -> None:
    """Three of those reminded of were missed."""
    read(month, "CASE WHEN n IN (1, 4, 7) OR n % 3 = 2 AND n % 5 = 1 THEN 'noshow' ELSE 'fulfilled' END")
    file = month.directory / "page.html"
    month.run("report", AT_NOW, f"--html={file}")
    assert outcomes(month)["total"] is None
    assert SWEDISH["helping-few"] in file.read_text("utf-8")
    table = month.run("report", AT_NOW, "--csv").stdout
    assert "missed" not in table
    assert "outcomes,withheld," in table


def test_what_was_purged_is_still_compared(month: Place) -> None:
    """The counts outlive the visits, and are the same."""
    read(month)
    before = outcomes(month)
    month.settings('[ledger]\nretention = "1d"\n')
    with closing(sqlite3.connect(month.ledger)) as database, database:
        database.execute("UPDATE reminder SET next_attempt = NULL")
    assert "400 reminders" in month.run("purge", AT_NOW).stdout
    assert outcomes(month) == before
