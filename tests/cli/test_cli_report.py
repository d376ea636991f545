"""``report``: what is counted, what is shown of it, and what bad input gets."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from place import Place

from fhirnotify.core.answer import Evidence, Reason
from fhirnotify.core.model import Coding, ContactType
from fhirnotify.ledger.port import Change, Claim, State, Verdict
from fhirnotify.ledger.sql import SqlLedger

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT_NOW = "--now=2026-11-23T13:00:00+01:00"
EYE, EAR, TINY = "Location/101", "HealthcareService/ear", "Organization/tiny"
UNITS = [EYE] * 40 + [EAR] * 30 + [TINY] * 3 + [None] * 10
"""Where the visits of the week are, one a place; every fifth of the large units is not reminded of."""


def visit(n: int) -> tuple[datetime, ContactType]:
    """Say when a visit is, and of what type."""
    return NOW - timedelta(days=1 + n % 7, hours=2), list(ContactType)[n % 2]


def filled(ledger: SqlLedger) -> None:
    """Put a week of visits into a ledger, and some to come."""
    evidence = Evidence("Appointment/x", "Patient/x")
    claims, verdicts = [], []
    for n, unit in enumerate(UNITS):
        start, kind = visit(n)
        reason = Reason.NO_CONSENT if n % 5 == 0 else Reason.NO_MOBILE_NUMBER if n == 41 else None
        verdicts.append(Verdict(f"a{n}", f"p{n}", start, reason, kind, evidence, unit=unit))
        if reason is None:
            claims.append(Claim(f"a{n}", f"p{n}", start, kind, evidence, 2, unit=unit))
    ledger.begin("r1", NOW - timedelta(days=8))
    ledger.claim("r1", NOW - timedelta(days=8), claims, verdicts)
    taken = ledger.take("r1", NOW, 500)
    ledger.move("r1", NOW, [Change(each.id, State.SENDING) for each in taken])
    ledger.move("r1", NOW, [Change(each.id, State.ACCEPTED, message_id=each.id) for each in taken])
    became = [State.UNDELIVERED if int(each.appointment[1:]) % 4 == 1 else State.DELIVERED for each in taken]
    ledger.move("r1", NOW, [Change(each.id, state) for each, state in zip(taken, became, strict=True)])
    ledger.finish("r1", NOW - timedelta(days=8) + timedelta(seconds=40), {})
    ledger.begin("r2", NOW - timedelta(days=7))
    ledger.finish("r2", NOW - timedelta(days=7) + timedelta(seconds=20), {})


def to_come(ledger: SqlLedger) -> None:
    """Put visits to come into a ledger that staff could do something about."""
    evidence = Evidence("Appointment/x", "Patient/x")

    def verdict(n: int, hours: int, reason: Reason, unit: str | None, *detail: str) -> Verdict:
        codes = (Coding("urn:s", "besök"),) if reason is Reason.CONTACT_TYPE_UNMAPPED else ()
        return Verdict(f"b{n}", f"q{n}", NOW + timedelta(hours=hours), reason, None, evidence, detail, codes, unit)

    verdicts = [
        verdict(1, 40, Reason.NO_MOBILE_NUMBER, EYE),
        verdict(2, 20, Reason.INVALID_RESOURCE, EYE, "Appointment.participant[0].status"),
        verdict(3, 25, Reason.CONTACT_TYPE_UNMAPPED, EAR),
        verdict(4, 25, Reason.CONSENT_DENIED, EAR),
        verdict(5, -2, Reason.NO_MOBILE_NUMBER, EYE),
        verdict(6, 21, Reason.NO_CONSENT, None),
    ]
    claim = Claim("b7", "q7", NOW + timedelta(hours=10), ContactType.VIDEO, evidence, 2, unit=EAR)
    ledger.begin("r3", NOW)
    ledger.claim("r3", NOW, [claim], verdicts)
    (taken,) = ledger.take("r3", NOW, 1)
    for state in (State.SENDING, State.ACCEPTED, State.UNDELIVERED):
        ledger.move("r3", NOW, [Change(taken.id, state)])
    ledger.finish("r3", NOW, {})


@pytest.fixture
def week(place: Place) -> Place:
    """A place with a ledger of a week."""
    place.settings()
    with closing(SqlLedger(f"sqlite:///{place.ledger}")) as ledger:
        filled(ledger)
    return place


def as_json(place: Place, *options: str) -> dict:
    """Run the report for programs."""
    result = place.run("report", AT_NOW, "--json", *options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_everything_is_counted_once(week: Place) -> None:
    """The parts of each list make its whole, and lists by unit and type make the same whole."""
    told = as_json(week)
    total = told["total"]
    assert (total["considered"], total["reminded"], total["not_reminded"]) == (83, 65, 18)
    assert total["delivery"] == {"delivered": 49, "undelivered": 16}
    assert [unit["unit"] for unit in told["units"]] == [EYE, EAR, TINY, None]
    assert sum(kind["considered"] for kind in told["contact_types"]) == 83
    assert told["period"] == {"from": "2026-10-27", "until": "2026-11-23"}
    assert told["runs"] | {"longest_gap_from": None} == {
        "count": 2,
        "unfinished": 0,
        "median_seconds": 30.0,
        "longest_seconds": 40.0,
        "longest_gap_seconds": 86400.0,
        "longest_gap_from": None,
    }


def test_few_visits_are_not_told(week: Place) -> None:
    """The unit with three is named with "<5", and another is withheld so that the three are not left over."""
    told = {unit["unit"]: unit for unit in as_json(week)["units"]}
    assert told[TINY]["considered"] == "<5"
    assert told[None]["considered"] is None
    assert told[TINY]["delivery"] == told[TINY]["reasons"] == {}
    assert as_json(week)["total"]["reasons"] == {"no-consent": None, "no-mobile-number": "<5"}


def test_no_form_tells_a_small_count(week: Place) -> None:
    """Neither JSON nor CSV nor the terminal holds a count from one to four of patients."""
    for cell in csv.DictReader(io.StringIO(week.run("report", AT_NOW, "--csv").stdout)):
        assert cell["count"] in ("", "<5", "0") or int(cell["count"]) >= 5
    for group in ("units", "contact_types", "days"):
        for line in as_json(week)[group]:
            for shown in (line["considered"], line["reminded"], line["not_reminded"]):
                assert shown in (None, "<5", 0) or shown >= 5


class Page(HTMLParser):
    """What stands in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "rect", "path", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(params=[[], ["--language=en"], [f"--unit={EYE}"], ["--until=2020-01-01"]])
def page(request: pytest.FixtureRequest, week: Place) -> str:
    """The page in its languages, of one unit, and empty."""
    file = week.directory / "report.html"
    result = week.run("report", AT_NOW, f"--html={file}", *request.param)
    assert result.exit_code == 0, result.stderr
    return file.read_text("utf-8")


def test_the_page_needs_nothing_else(page: str) -> None:
    """No script, no address but of names of its own, every table with heads, every picture named or beside figures."""
    read = Page(page)
    assert read.open == []
    assert {tag for tag, _ in read.tags} & {"script", "iframe", "object", "embed", "form", "img"} == set()
    for tag, attributes in read.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "action", "data", "style"):
            assert attributes.get(name) in (None, "data:,")
        assert tag != "th" or attributes["scope"] in ("col", "row", "rowgroup")
        assert tag != "svg" or attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
    assert "://" not in page
    assert "url(" not in page
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in read.tags:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_swedish_unless_set(week: Place) -> None:
    """By ``report.language``, or by the option."""
    file = week.directory / "report.html"
    week.run("report", AT_NOW, f"--html={file}")
    assert '<html lang="sv">' in file.read_text("utf-8")
    week.settings('[report]\nlanguage = "en"\n')
    week.run("report", AT_NOW, f"--html={file}")
    assert '<html lang="en">' in file.read_text("utf-8")


def test_names_of_a_file(week: Place) -> None:
    """A reference without a name is shown as it is."""
    names = week.directory / "names.csv"
    names.write_text(f"{EYE};Ögonmottagningen <Lycksele>\n", "utf-8")
    told = as_json(week, f"--names={names}")
    assert [unit.get("name") for unit in told["units"]] == ["Ögonmottagningen <Lycksele>", None, None, None]
    file = week.directory / "report.html"
    week.run("report", AT_NOW, f"--names={names}", f"--html={file}")
    assert "Ögonmottagningen &lt;Lycksele&gt;" in file.read_text("utf-8")


def test_names_of_the_endpoint(week: Place) -> None:
    """The name alone, of the units asked for alone."""
    unit = {"resourceType": "Location", "id": "101", "name": " Ögon  ", "telecom": [{"value": "090"}]}
    week.world([unit, {**unit, "id": "7"}, {"resourceType": "Location", "id": "8", "name": 5}])
    assert [unit.get("name") for unit in as_json(week, "--names=fhir")["units"]] == ["Ögon", None, None, None]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--from=2026-11-02", "--until=2026-11-01"], "ends (2026-11-01) before it starts (2026-11-02)"),
        (["--worklist", "--from=2026-11-02", "--until=2026-11-01"], "before it starts"),
        (["--from=1990-01-01"], "longer than ten years"),
        (["--from=yesterday"], "write a day"),
        ([f"--unit={EYE}0"], f"nothing to show of the unit {EYE}0"),
        (["--json", "--csv"], "do not go together"),
        (["--worklist", "--html=x"], "do not go together"),
        (["--names=nowhere.csv"], "nowhere.csv cannot be read"),
        (["--html=nowhere/x.html"], "cannot be written: No such file or directory"),
        (["--html=."], "cannot be written"),
        (["--language=fi"], "write one of sv, en"),
    ],
)
def test_bad_input(week: Place, options: list[str], told: str) -> None:
    """Exit 2 with what is wrong, nothing on stdout, and no file made."""
    before = sorted(week.directory.iterdir())
    result = week.run("report", AT_NOW, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""
    assert sorted(week.directory.iterdir()) == before


def test_a_page_that_cannot_be_written_leaves_the_old_one(week: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: nothing half-written, and no partial file."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = week.directory / "report.html"
    file.write_text("old", "utf-8")
    monkeypatch.setattr("os.fsync", full)
    result = week.run("report", AT_NOW, f"--html={file}")
    assert (result.exit_code, file.read_text("utf-8")) == (2, "old")
    assert "No space left" in result.stderr
    assert [each.name for each in week.directory.glob(".*")] == []


def test_names_that_cannot_be_read(week: Place) -> None:
    """An endpoint that is down ends it with exit 3, and no page."""
    week.settings(base_url="http://127.0.0.1:9/fhir")
    result = week.run("report", AT_NOW, "--names=fhir", f"--html={week.directory / 'x.html'}")
    assert result.exit_code == 3
    assert not (week.directory / "x.html").exists()


def test_no_ledger_and_another_programs(place: Place) -> None:
    """Exit 5, and nothing is made."""
    place.settings()
    assert place.run("report").exit_code == 5
    assert not place.ledger.exists()
    with closing(sqlite3.connect(place.ledger)) as database, database:
        database.execute("CREATE TABLE t (x)")
    result = place.run("report", "--worklist")
    assert result.exit_code == 5
    assert "something else" in result.stderr


def test_an_empty_ledger(place: Place) -> None:
    """Nothing to tell is told, exit 0, in every form."""
    place.settings()
    SqlLedger(f"sqlite:///{place.ledger}").close()
    for options, told in (
        ([], "No visit in the period"),
        (["--json"], '"considered":0'),
        (["--csv"], "all,,,considered,0"),
        (["--worklist"], "Nothing to mend"),
        ([f"--html={place.directory / 'x.html'}"], "Wrote"),
    ):
        result = place.run("report", *options)
        assert (result.exit_code, told in result.stdout) == (0, True), options
    assert "Inga besök under perioden" in (place.directory / "x.html").read_text("utf-8")


def test_another_period_is_pointed_at(week: Place) -> None:
    """Where there is nothing in the period, but elsewhere."""
    result = week.run("report", "--until=2020-01-01")
    assert "The ledger holds visits from 2026-11-16 to 2026-11-22" in result.stdout


def test_the_worklist(week: Place) -> None:
    """Per unit, the soonest first, of visits to come, with what to do; not what nobody can mend."""
    with closing(SqlLedger(f"sqlite:///{week.ledger}")) as ledger:
        to_come(ledger)
    result = week.run("report", "--worklist", "--json", AT_NOW)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["unit"], line["appointment"], line["patient"], line["reason"]) for line in lines] == [
        (EAR, "b7", "q7", "undeliverable"),
        (EAR, "b3", "q3", "contact-type-unmapped"),
        (EYE, "b2", "q2", "invalid-resource"),
        (EYE, "b1", "q1", "no-mobile-number"),
        (None, "b6", "q6", "no-consent"),
    ]
    assert lines[1]["detail"] == ["urn:s|besök"]
    assert lines[2]["detail"] == ["Appointment.participant[0].status"]
    assert all(line["to_do"].startswith(("Have", "Complete")) for line in lines)
    one = week.run("report", "--worklist", "--csv", AT_NOW, f"--unit={EYE}").stdout
    assert [row["appointment"] for row in csv.DictReader(io.StringIO(one))] == ["b2", "b1"]
    seen = week.run("report", "--worklist", AT_NOW, "--until=2026-11-24").stdout
    assert "2026-11-24 09:00" in seen
    assert EYE in seen
    assert "b1" not in seen
