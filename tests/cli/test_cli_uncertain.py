"""``uncertain``: what a person is shown at three in the morning, and what the person's word does."""

import getpass
import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from place import NOW, Place, visits
from told import told

from fhirnotify.cli.doubts import PLACES
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """The stand-in."""
    with Inbox() as made:
        yield made


@pytest.fixture
def doubtful(place: Place, inbox: Inbox) -> Place:
    """A message whose answer was lost, at a provider that cannot be asked, an hour ago."""
    place.provider(inbox, "link")
    place.world(visits(1))
    inbox.next(Behaviour.TAKE_AND_DROP)
    assert place.run("run", "--now", NOW, "--rehearsal").exit_code == 6
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    with sqlite3.connect(place.ledger) as database:
        database.execute("UPDATE reminder SET sending_since = ?", [an_hour_ago])
    database.close()
    return place


def only(place: Place) -> str:
    """Give the id of the one that is uncertain."""
    first, last = (json.loads(line) for line in place.run("uncertain", "--json").stdout.splitlines())
    assert last == {"summary": {"uncertain": 1}}
    return str(first["id"])


def test_every_provider_has_a_place_where_to_look() -> None:
    """Nobody is sent to ask without knowing what for."""
    with Inbox() as inbox:
        assert set(PLACES) == {"outbox", *inbox.providers}


def test_a_ledger_that_is_not_there_is_told(place: Place) -> None:
    """A mistyped address must not look as if nothing were uncertain; and none is made."""
    for command in ("uncertain", "follow-up"):
        result = place.run(command)
        assert result.exit_code == 5, command
        assert "ledger" in result.stderr
    assert not place.ledger.exists()


def test_what_is_uncertain_is_told_with_what_to_do(doubtful: Place) -> None:
    """Which, since when, why, where to look and for what, and the two commands to copy."""
    result = doubtful.run("uncertain")
    lines, id_ = result.stdout.splitlines(), only(doubtful)
    assert result.exit_code == 6
    assert lines[0].startswith("Appointment a0, patient p0, 2026-11-24 10.00: uncertain since 2026-11-23 09.00 (")
    assert lines[0].endswith("by link.")
    assert f"Ask LINK Mobility for the refId {id_}, sent " in lines[1]
    assert any(f"fhirnotify uncertain settle {id_} --sent" in line for line in lines)
    assert any(f"fhirnotify uncertain settle {id_} --not-sent" in line for line in lines)
    assert any("until 2026-11-24 06.00" in line for line in lines)
    assert lines[-1] == "1 uncertain."


def test_a_program_gets_an_object_for_each(doubtful: Place) -> None:
    """Ids, moments and codes."""
    found = json.loads(doubtful.run("uncertain", "--json").stdout.splitlines()[0])
    assert set(found) == {
        "id", "appointment", "patient", "start", "since", "cause", "provider", "configured", "message_id",
        "sent_from", "sent_until", "too_late", "look",
    }  # fmt: skip
    assert (found["appointment"], found["patient"], found["configured"]) == ("a0", "p0", True)


def test_an_account_that_is_not_configured_is_told(doubtful: Place) -> None:
    """Then the program asks nobody, and a person must."""
    doubtful.settings()
    assert "does not name that account any more" in doubtful.run("uncertain").stdout
    found = json.loads(doubtful.run("uncertain", "--json").stdout.splitlines()[0])
    assert found["configured"] is False


def test_explain_and_exit_6_tell_what_to_do(doubtful: Place) -> None:
    """The run names it and the command; the explanation says it all."""
    result = doubtful.run("run", "--now", NOW, "--rehearsal")
    assert result.exit_code == 6
    assert "Uncertain  Appointment a0, patient p0, 2026-11-24 10.00" in result.stdout
    assert '"fhirnotify uncertain" tells' in result.stdout
    explained = doubtful.run("explain", "a0", "--now", NOW).stdout
    assert f"To do     It is not:    fhirnotify uncertain settle {only(doubtful)} --not-sent" in explained


def test_it_was_sent(doubtful: Place, inbox: Inbox) -> None:
    """It is accepted, nothing is sent, and the explanation tells who settled it and when."""
    result = doubtful.run("uncertain", "settle", only(doubtful), "--sent", "--by", "anna.a", "--now", NOW)
    assert result.exit_code == 0
    assert result.stdout == (
        "Recorded: anna.a found out, 2026-11-23 09.00, that it was sent. "
        "Appointment a0, patient p0: the provider has it.\n"
    )
    assert doubtful.run("uncertain").exit_code == 0
    rows, _ = told(doubtful.run("run", "--now", NOW, "--rehearsal", "--json"))
    assert [(row["decision"], row["outcome"]) for row in rows] == [("already", "accepted")]
    assert len(inbox.messages) == 1
    assert "2026-11-23 09.00 accepted (anna.a found out that it was sent)" in doubtful.run("explain", "a0").stdout
    assert doubtful.run("ledger", "check").exit_code == 0


def test_it_was_not_sent(doubtful: Place, inbox: Inbox) -> None:
    """The next run reads everything anew, and sends it."""
    done = doubtful.run("uncertain", "settle", only(doubtful), "--not-sent", "--by", "bo", "--now", NOW, "--json")
    assert {key: json.loads(done.stdout)[key] for key in ("appointment", "sent", "by", "state", "new")} == {
        "appointment": "a0",
        "sent": False,
        "by": "bo",
        "state": "retry",
        "new": True,
    }
    rows, _ = told(doubtful.run("run", "--now", NOW, "--rehearsal", "--json"))
    assert [(row["decision"], row["outcome"]) for row in rows] == [("remind", "accepted")]
    assert doubtful.run("ledger", "check").exit_code == 0


def test_it_was_not_sent_and_it_is_too_late(doubtful: Place, inbox: Inbox) -> None:
    """It has expired, a person knows, and no run fails for it."""
    late = "2026-11-24T06:00:01+01:00"
    done = doubtful.run("uncertain", "settle", only(doubtful), "--not-sent", "--now", late)
    assert "not sent in time" in done.stdout
    assert doubtful.run("run", "--now", late, "--rehearsal").exit_code == 0
    assert len(inbox.messages) == 1
    assert doubtful.run("ledger", "check").exit_code == 0


def test_said_twice_is_recorded_once(doubtful: Place) -> None:
    """The contrary is refused; so is an id that nobody knows."""
    id_ = only(doubtful)
    doubtful.run("uncertain", "settle", id_, "--sent", "--by", "anna")
    again = doubtful.run("uncertain", "settle", id_, "--sent", "--by", "bo")
    assert again.exit_code == 0
    assert again.stdout.startswith("Known already: anna found out")
    contrary = doubtful.run("uncertain", "settle", id_, "--not-sent")
    assert contrary.exit_code == 2
    assert "is accepted, not uncertain" in contrary.stderr
    assert doubtful.run("uncertain", "settle", "0" * 32, "--sent").exit_code == 2
    assert doubtful.run("uncertain", "settle", id_).exit_code == 2


def test_who_says_it(doubtful: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login name; behind sudo that of the person. What is no login name does not come into the ledger."""
    id_ = only(doubtful)
    for name in ("Anna Andersson", "070-174 06 05", "191212121212", "", "a" * 65):
        refused = doubtful.run("uncertain", "settle", id_, "--sent", "--by", name)
        assert refused.exit_code == 2
        assert name == "" or name not in refused.output
    monkeypatch.setattr(getpass, "getuser", lambda: (_ for _ in ()).throw(OSError("nobody")))
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert "--by LOGIN" in doubtful.run("uncertain", "settle", id_, "--sent").stderr
    monkeypatch.setenv("SUDO_USER", "anna")
    assert "anna found out" in doubtful.run("uncertain", "settle", id_, "--sent").stdout


def test_a_request_that_may_still_be_on_its_way(place: Place, inbox: Inbox) -> None:
    """That it is not there proves nothing yet."""
    place.provider(inbox, "link")
    place.world(visits(1))
    inbox.next(Behaviour.DROP)
    place.run("run", "--now", NOW, "--rehearsal")
    refused = place.run("uncertain", "settle", only(place), "--not-sent")
    assert refused.exit_code == 2
    assert "may still be on its way" in refused.stderr


def test_there_is_no_ledger(place: Place) -> None:
    """None is made by a mistake in the settings."""
    assert place.run("uncertain", "settle", "0" * 32, "--sent").exit_code == 5
    assert not place.ledger.exists()
