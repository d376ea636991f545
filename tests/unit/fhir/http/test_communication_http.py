"""The adapter that writes Communications: what each answer means, what is tried again, and what never leaves."""

import socket
import threading
import time
from datetime import timedelta

import httpx
import pytest

from fhirnotify.errors import FhirError, SettingsError
from fhirnotify.fhir import auth
from fhirnotify.fhir.communication_http import HttpCommunications
from fhirnotify.fhir.communications import Answer, Failed, Refused, Taken
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.harness.loopback import Answer as Sent
from fhirnotify.harness.loopback import LoopbackServer, Raw, Reply, Request, Silence

ID, BODY = "fhirnotify-0", b'{"resourceType":"Communication"}'
HTML = {"Content-Type": "text/html; charset=utf-8"}


class Journal:
    """Answers one after the other, the last one again and again; keeps what it was asked."""

    def __init__(self, *answers: Sent) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Sent:
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def put(
    journal: Journal, *, attempts: int = 3, signed: httpx.Auth | None = None, waits: list[float] | None = None
) -> Answer:
    """Write one Communication to a journal system that answers so."""
    slept = (waits if waits is not None else []).append
    with LoopbackServer(journal) as server:
        adapter = HttpCommunications(
            f"{server.base_url}/fhir/", timeout=timedelta(seconds=0.5), attempts=attempts, auth=signed, sleep=slept
        )
        try:
            return adapter.put(ID, BODY)
        finally:
            adapter.close()


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        (Reply(200), Taken()),
        (Reply(201, b"{}"), Taken()),
        (Reply(204), Taken()),
        (Reply(200, b"x" * (2**20 + 1)), Taken()),
        (Reply(200, b"<html>", HTML), Failed("not-fhir", lasting=True)),
        (Reply(202), Failed("status-202", lasting=True)),
        (Reply(302, headers={"Location": "/elsewhere"}), Failed("status-302", lasting=True)),
        (Reply(400), Refused("status-400")),
        (Reply(401), Failed("status-401", lasting=True)),
        (Reply(403), Refused("status-403")),
        (Reply(404), Refused("status-404")),
        (Reply(405), Failed("status-405", lasting=True)),
        (Reply(408), Failed("status-408")),
        (Reply(409), Refused("status-409")),
        (Reply(410), Refused("status-410")),
        (Reply(412), Refused("status-412")),
        (Reply(413), Refused("status-413")),
        (Reply(422, b'{"diagnostics":"Patient/p1"}'), Refused("status-422")),
        (Reply(500), Failed("status-500")),
        (Reply(501), Failed("status-501", lasting=True)),
        (Reply(502), Failed("status-502")),
        (Reply(504), Failed("status-504")),
        (Raw(b""), Failed("no-answer")),
        (Raw(b"SSH-2.0\r\n"), Failed("no-answer")),
        (Silence(), Failed("no-answer")),
    ],
)
def test_what_an_answer_means(answer: Sent, means: Answer) -> None:
    """Asked once: what may have been taken is not tried again in the same pass, nor is a redirect followed."""
    journal = Journal(answer)
    assert put(journal) == means
    assert len(journal.asked) == 1


def test_one_put_to_the_id_that_is_ours() -> None:
    """With the bytes as they are."""
    journal = Journal(Reply(201))
    put(journal)
    (request,) = journal.asked
    assert (request.method, request.path, request.body) == ("PUT", f"/fhir/Communication/{ID}", BODY)
    assert request.headers["content-type"] == "application/fhir+json"
    assert request.headers["prefer"] == "return=minimal"


@pytest.mark.parametrize("status", [429, 503])
def test_who_asks_to_be_left_alone_is_waited_for(status: int) -> None:
    """As long as it says, if that is short; then no other is tried in this pass either."""
    waits: list[float] = []
    journal = Journal(Reply(status, headers={"Retry-After": "2"}), Reply(200))
    assert put(journal, waits=waits) == Taken()
    assert (len(journal.asked), waits) == (2, [2.0])
    waits.clear()
    journal = Journal(Reply(status, headers={"Retry-After": "60"}))
    assert put(journal, waits=waits) == Failed(f"status-{status}", lasting=True)
    assert (len(journal.asked), waits) == (1, [])


def test_a_connection_that_is_refused_is_tried_again() -> None:
    """Nothing was written then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    waits: list[float] = []
    adapter = HttpCommunications(
        f"http://127.0.0.1:{port}", timeout=timedelta(seconds=1), attempts=3, sleep=waits.append
    )
    assert adapter.put(ID, BODY) == Failed("no-connection")
    assert len(waits) == 2
    adapter.close()


def test_tls_where_there_is_none_is_lasting() -> None:
    """Nobody else will be let in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak_plainly() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=speak_plainly)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        adapter = HttpCommunications(url, timeout=timedelta(seconds=5), attempts=3, sleep=lambda _: None)
        assert adapter.put(ID, BODY) == Failed("tls", lasting=True)
        adapter.close()
        thread.join()


def test_credentials_go_along() -> None:
    """As they do when the journal system is read."""
    journal = Journal(Reply(200))
    put(journal, signed=auth.bearer("secret"))
    assert journal.asked[0].headers["authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("fault", "code"), [(FhirError("no token"), "no-token"), (RefusedError(401, "refused", ""), "status-401")]
)
def test_without_a_token_nobody_is_told(fault: Exception, code: str) -> None:
    """Whatever keeps a token from being had."""

    class NoToken(httpx.Auth):
        def auth_flow(self, request):
            raise fault
            yield request

    assert put(Journal(Reply(200)), signed=NoToken()) == Failed(code, lasting=True)


def test_an_answer_that_drips_is_not_waited_for() -> None:
    """The whole exchange is bounded, not each wait alone."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                for _ in range(100):
                    if done.wait(0.1):
                        return
                    try:
                        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        adapter = HttpCommunications(url, timeout=timedelta(seconds=0.5), attempts=1)
        began = time.monotonic()
        assert adapter.put(ID, BODY) == Failed("no-answer")
        assert time.monotonic() - began < 5
        done.set()
        adapter.close()
        thread.join()


def test_an_address_with_credentials_in_it_is_refused() -> None:
    """As the reading client does."""
    with pytest.raises(SettingsError):
        HttpCommunications("http://user:secret@host/fhir", timeout=timedelta(seconds=1), attempts=1)
