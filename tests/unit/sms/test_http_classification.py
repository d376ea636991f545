"""What each failed exchange and each status means for a message."""

import inspect
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.gateway import Deferred, Rejected, Unknown
from fhirnotify.sms.http import (
    LARGEST_BODY,
    MAYBE_WRITTEN,
    NEVER_WRITTEN,
    Answer,
    Wire,
    address,
    of_error,
    of_status,
)

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NUMBER = "+46701740605"


def kinds(base: type) -> set[type]:
    """Give a class and all below it."""
    return {base}.union(*(kinds(each) for each in base.__subclasses__()))


CONCRETE = sorted(
    (kind for kind in kinds(httpx.RequestError) if not kind.__subclasses__() and kind is not httpx.TooManyRedirects),
    key=lambda kind: kind.__name__,
)


def test_every_error_of_httpx_is_classified() -> None:
    """Each way in which httpx can fail stands in exactly one table (redirects are never followed)."""
    ours = {kind for kind in CONCRETE if kind.__module__.startswith("httpx")}
    assert ours == set(NEVER_WRITTEN) | set(MAYBE_WRITTEN)
    assert not set(NEVER_WRITTEN) & set(MAYBE_WRITTEN)


@pytest.mark.parametrize("kind", CONCRETE, ids=lambda kind: kind.__name__)
def test_error_is_deferred_only_when_nothing_was_written(kind: type[httpx.RequestError]) -> None:
    """Only what is certain not to have been sent may be tried again."""
    outcome = of_error(kind(f"failed for {NUMBER}"))
    assert isinstance(outcome, Deferred if kind in NEVER_WRITTEN else Unknown)
    assert NUMBER not in repr(outcome)


@pytest.mark.parametrize(
    "kind", [httpx.TransportError, httpx.TimeoutException, httpx.NetworkError, httpx.ProtocolError]
)
def test_error_that_nobody_knows_is_unknown(kind: type[httpx.RequestError]) -> None:
    """A new kind of error is taken in the careful way."""
    assert of_error(kind("")) == Unknown("transport-error")


def expected(status: int) -> str:
    """Tell what a status means, written apart from the code."""
    if status in {408, 425, 429, 503}:
        return "deferred"
    if status in {401, 402, 403, 404, 405, 406, 407, 410, 415}:
        return "account"
    return "deferred" if 400 <= status < 500 else "unknown"


@pytest.mark.parametrize("status", range(300, 600))
def test_every_status_is_classified(status: int) -> None:
    """Each status from 300 to 599 means one thing; outside the tables, 4xx is certain and the rest is unknown."""
    wait = timedelta(seconds=7)
    if expected(status) == "account":
        with pytest.raises(AccountFault) as fault:
            of_status(status, wait, "[sms.test]")
        assert fault.value.next_step
        return
    outcome = of_status(status, wait, "[sms.test]")
    kind, code = {
        "deferred": (Deferred, f"http-{status}"),
        "unknown": (Unknown, f"http-{status}"),
    }[expected(status)]
    assert isinstance(outcome, kind)
    assert code in repr(outcome)
    if isinstance(outcome, Deferred):
        assert outcome.retry_after == wait


@pytest.mark.parametrize(
    "given", ["https://sms.test", "https://sms.test/", "http://127.0.0.1:8080/a1/", "https://sms.test/a/b"]
)
def test_address(given: str) -> None:
    """An http(s) address is taken, without its trailing slash."""
    assert address(given, "[sms.test]") == given.rstrip("/")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "sms.test",
        "ftp://sms.test",
        "https://",
        "https://u:secret@sms.test",
        "https://sms.test?key=secret",
        "https://sms.test:port",
    ],
)
def test_address_that_cannot_work(given: str) -> None:
    """Anything else is refused before it is used, without repeating what may be a secret."""
    with pytest.raises(SettingsError) as error:
        address(given, "[sms.test]")
    assert "secret" not in str(error.value)
    assert "[sms.test]" in str(error.value)


def wire(handler: object) -> Wire:
    """Make a wire whose other end is a function."""
    made = Wire("https://sms.test", section="[sms.test]", timeout=timedelta(seconds=5), connections=1)
    made._client.close()
    made._client = httpx.Client(base_url=made.base_url, transport=httpx.MockTransport(handler))  # type: ignore[arg-type]
    return made


def test_redirect_is_not_followed() -> None:
    """The text and the credentials never go to another address than the configured one."""
    asked = []

    def redirect(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"location": "https://elsewhere.test/"})

    one = wire(redirect)
    answer = one.ask("POST", "/sms", form={"to": NUMBER})
    assert isinstance(answer, Answer)
    assert one.refusal(answer) == Unknown("http-307")
    assert asked == ["https://sms.test/sms"]


def test_oversized_answer_is_not_read_to_its_end() -> None:
    """An endless body ends the reading, not the memory."""
    pieces = iter([b"x" * LARGEST_BODY, b"x", b"never read"])
    one = wire(lambda _: httpx.Response(200, content=pieces))
    assert one.ask("GET", "/sms") == Unknown("oversized-answer")
    assert next(pieces) == b"never read"


def test_answer_that_cannot_be_decoded_is_unknown() -> None:
    """An answer is unreadable also where its compression is broken."""
    headers = {"content-encoding": "gzip"}
    one = wire(lambda _: httpx.Response(200, headers=headers, content=iter([b"no gzip"])))
    assert one.ask("GET", "/sms") == Unknown("unreadable-answer")


def test_body_is_a_form_or_json() -> None:
    """Each with its type, in UTF-8, and what cannot be written is not sent."""
    seen: list[httpx.Request] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    one = wire(note)
    one.ask("POST", "/sms", json={"text": "Påminnelse €"})
    assert seen[0].headers["content-type"] == "application/json"
    assert seen[0].content.decode() == '{"text":"Påminnelse €"}'
    for body in ({"json": {"text": "\ud83d"}}, {"form": {"text": "\ud83d"}}):
        assert one.ask("POST", "/sms", **body) == Rejected("unencodable-text")  # type: ignore[arg-type]
    assert len(seen) == 1


def test_nothing_of_the_exchange_is_shown() -> None:
    """Neither the answer's body nor the request shows in a repr."""
    assert NUMBER not in repr(Answer(400, NUMBER.encode()))


def test_httpx_logs_no_address() -> None:
    """At INFO httpx would log each address, which for a history holds the number."""
    import logging

    logging.getLogger("httpx").setLevel(logging.NOTSET)
    wire(lambda _: httpx.Response(200))
    assert logging.getLogger("httpx").level == logging.WARNING
    assert logging.getLogger("httpcore").level == logging.WARNING


def test_tables_name_only_real_errors() -> None:
    """Each entry is an exception of httpx."""
    assert all(
        inspect.isclass(kind) and issubclass(kind, httpx.RequestError) for kind in {**NEVER_WRITTEN, **MAYBE_WRITTEN}
    )
