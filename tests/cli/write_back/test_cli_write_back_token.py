"""Write-back where a token is fetched: what stands in its way stands in no reminder's."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
from telling import Telling, summary
from writable_fhir import WritableFhir

from fhirnotify import write_backs
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.loopback import Answer, LoopbackServer, Reply, Request, Silence
from fhirnotify.write_back import IN_A_RUN

TO_READ = "system/Appointment.rs system/Patient.rs system/Consent.rs"
TO_WRITE = "system/Communication.cu"
JSON = {"Content-Type": "application/json"}


@dataclass
class Tokens:
    """An authorization server that lets clients read, and write or not.

    Attributes:
        to_write: what it answers who asks to write; None: that this is granted, too.
        asked: the scopes that were asked for.
    """

    to_write: Answer | None = None
    grants: str = f"{TO_READ} {TO_WRITE}"
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        (scope,) = parse_qs(request.body.decode())["scope"]
        self.asked.append(scope)
        if TO_WRITE in scope and self.to_write is not None:
            return self.to_write
        token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": self.grants}
        return Reply(200, json.dumps(token).encode(), JSON)


@pytest.fixture
def tokens(telling: Telling, inbox: Inbox, fhir: WritableFhir) -> Iterator[Tokens]:
    """The authorization server that the settings name."""
    made = Tokens()
    with LoopbackServer(made) as server:
        auth = {
            "kind": "client-credentials",
            "token_url": f"{server.base_url}/token",
            "client_id": "x",
            "client_secret": "y",
            "scope": f"{TO_READ} {TO_WRITE}",
        }
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in auth.items())
        telling.configure(inbox, fhir, f"[fhir.auth]\n{lines}")
        yield made


def test_only_who_writes_asks_to_write(telling: Telling, fhir: WritableFhir, tokens: Tokens) -> None:
    """One setting for both; the pass itself reads, and asks for no more."""
    done = telling.told()
    assert (done.exit_code, summary(done)["write_back"]["written"]) == (0, 4)
    assert tokens.asked == [TO_READ, f"{TO_READ} {TO_WRITE}"]


@pytest.mark.parametrize("answer", [None, Reply(400, b'{"error":"invalid_scope"}', JSON), Reply(403)])
def test_who_may_not_write_sends_all_the_same(
    telling: Telling, inbox: Inbox, fhir: WritableFhir, tokens: Tokens, answer: Reply | None
) -> None:
    """Whether the scope is left out of what is granted, or the token refused for it; ``check`` tells."""
    tokens.to_write, tokens.grants = answer, TO_READ
    done = telling.told()
    assert (done.exit_code, len(inbox.messages), fhir.asked) == (0, 4, [])
    assert summary(done)["write_back"] == {"written": 0, "failed": {"no-token": 1}, "complete": False}
    checked = " ".join(telling.run("check").stdout.split())
    assert "the journal system cannot be told of reminders, which are sent all the same: " in checked
    assert "gave an access token that lasts 300 s" in checked


def test_an_authorization_server_that_keeps_silent_holds_nobody_up(
    telling: Telling, inbox: Inbox, fhir: WritableFhir, tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once, however often and long the settings say, and waited for as long as a pass has for writing."""
    assert 2 * write_backs.LONGEST_WAIT_FOR_TOKEN.total_seconds() <= IN_A_RUN.seconds
    telling.replace('attempts = 1\ntimeout = "1s"', 'attempts = 4\ntimeout = "30s"')
    monkeypatch.setattr(write_backs, "LONGEST_WAIT_FOR_TOKEN", write_backs.LONGEST_WAIT_FOR_TOKEN / 10)
    tokens.to_write = Silence()
    began = time.monotonic()
    done = telling.told()
    assert time.monotonic() - began < 10
    assert (done.exit_code, len(inbox.messages), len(tokens.asked)) == (0, 4, 2)
    assert summary(done)["write_back"]["failed"] == {"no-token": 1}
