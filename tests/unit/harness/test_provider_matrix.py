"""The matrix of providers and situations: every line as promised, and what is promised is not nothing."""

import json

import pytest
from typer.testing import CliRunner

from fhirnotify.cli.main import app
from fhirnotify.harness import provider_matrix
from fhirnotify.harness.inbox import PROVIDERS
from fhirnotify.harness.provider_matrix import SITUATIONS, play, providers
from fhirnotify.sms.gateway import Rejected


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("provider", providers())
def test_every_provider_in_every_situation(provider: str, situation: str) -> None:
    """The outcome, what the provider has, and what is learnt by asking are as promised."""
    row = play(provider, situation)
    assert row.is_well, row


SPECIAL = [
    ("46elks", "refuse number", "rejected: Invalid to number", ""),
    ("46elks", "dead number", "accepted, 1 part", "undelivered: failed"),
    ("sinch", "refuse number", "rejected: syntax_invalid_parameter_format", ""),
    ("sinch", "undelivered", "accepted", "undelivered: Aborted 404"),
    ("sinch", "dead number", "accepted", "undelivered: Failed 150, for good"),
    ("infobip", "refuse number", "rejected: REJECTED_DESTINATION", ""),
    ("infobip", "dead number", "accepted, 1 part", "undelivered: EC_UNKNOWN_SUBSCRIBER, for good"),
    ("infobip", "timeout after", "unknown: read-timeout", "found"),
    ("twilio", "throttle", "deferred: 20429, retry after 1 s", ""),
    ("twilio", "timeout after", "unknown: read-timeout", "cannot tell: number-not-shown"),
    ("twilio", "timeout before", "unknown: read-timeout", "not found"),
    ("link", "timeout before", "unknown: read-timeout", "cannot tell: provider-cannot-be-asked"),
    ("link", "unheard-of refusal", "deferred: http-400", ""),
    ("kannel", "delivered", "accepted", "cannot tell: Kannel reports to a callback alone"),
    ("kannel", "refuse number", "deferred: denied by white- or black-lists", ""),
    ("kannel", "throttle", "deferred: Temporal failure, try again later, retry after 1 s", ""),
    ("kannel", "timeout after", "unknown: read-timeout", "cannot tell: provider-cannot-be-asked"),
]


@pytest.mark.parametrize(("provider", "situation", "outcome", "evidence"), SPECIAL)
def test_what_each_provider_says_in_its_own_words(provider: str, situation: str, outcome: str, evidence: str) -> None:
    """The codes are the provider's, and what it cannot tell it does not pretend to."""
    row = play(provider, situation)
    assert (row.outcome, row.evidence) == (outcome, evidence)


def test_every_stand_in_is_played() -> None:
    """A provider that gets a stand-in cannot be forgotten."""
    assert len(providers()) == len(set(providers())) == len(PROVIDERS)


def test_a_promise_that_is_not_kept_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter that calls a throttled message refused, or a provider that has what it should not, fails its line."""

    class Wrong:
        def send(self, sms: object) -> Rejected:
            return Rejected("http-429")

        def close(self) -> None:
            pass

    monkeypatch.setattr(provider_matrix, "adapter", lambda *_, **__: Wrong())
    assert not play("46elks", "throttle").is_well
    assert not play("46elks", "accept").is_well


def test_command_prints_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """A JSON line each, and a summary; a table for people; exit 1 where a promise was not kept."""
    few = {name: SITUATIONS[name] for name in ("accept", "throttle")}
    monkeypatch.setattr(provider_matrix, "SITUATIONS", few)
    done = CliRunner().invoke(app, ["harness", "providers", "--only", "sinch", "--json"])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["situation"] for row in rows[:2]] == ["accept", "throttle"]
    assert rows[2] == {"summary": {"rows": 2, "kept": 2, "broken": 0}}
    shown = CliRunner().invoke(app, ["harness", "providers", "--only", "link"])
    assert "deferred: http-429" in shown.stdout
    assert "2 lines: the promise was kept in 2, not in 0." in shown.stdout
    assert (done.exit_code, shown.exit_code) == (0, 0)


def test_command_fails_with_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 1, and the line says so."""
    few = {"accept": provider_matrix.Situation(SITUATIONS["throttle"].behaviour, Rejected, 0)}
    monkeypatch.setattr(provider_matrix, "SITUATIONS", few)
    done = CliRunner().invoke(app, ["harness", "providers", "--only", "twilio"])
    assert done.exit_code == 1
    assert "FAILED" in done.stdout


def test_command_knows_its_providers() -> None:
    """Another name is a mistake of usage."""
    done = CliRunner().invoke(app, ["harness", "providers", "--only", "pigeon"])
    assert done.exit_code == 2
