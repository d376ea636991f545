"""What our HTTP clients have in common."""

from datetime import UTC, datetime, timedelta

import pytest

from fhirnotify.connecting import retry_after
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.client import Client
from fhirnotify.sms.elks46 import Elks46

SECONDS = timedelta(seconds=1)
MAKERS = {
    "fhir": lambda: Client("https://fhir.test/r4", timeout=SECONDS, attempts=1),
    "46elks": lambda: Elks46(username="u", password="p", timeout=SECONDS),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/no/such/file"),
        ("HTTP_PROXY", "foo://user:secret@host"),
        ("HTTPS_PROXY", "http://[::x"),
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
    ],
)
def test_a_wrong_proxy_or_certificate_file_is_told(monkeypatch, make, variable, value):
    """By the variables to look at; what they hold is not repeated."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as wrong:
        make()
    assert variable in wrong.value.next_step
    assert "secret" not in str(wrong.value)


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", timedelta(0)),
        ("7", timedelta(seconds=7)),
        (" 120 ", timedelta(minutes=2)),
        ("Tue, 24 Nov 2026 09:00:30 GMT", timedelta(seconds=30)),
        ("Tuesday, 24-Nov-26 09:01:00 GMT", timedelta(minutes=1)),
        ("Tue, 24 Nov 2026 10:00:30 +0100", timedelta(seconds=30)),
        ("Tue, 24 Nov 2026 09:00:30 -0000", timedelta(seconds=30)),
        ("99999999", timedelta(days=1)),
        ("9" * 400, timedelta(days=1)),
        ("Tue, 24 Nov 2099 09:00:30 GMT", timedelta(days=1)),
        ("Tue, 24 Nov 2026 08:59:59 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("Tue, 99 Nov 2026 09:00:30 GMT", None),
        ("", None),
        ("²", None),
        ("Mon, 99 Xxx", None),
        (None, None),
    ],
)
def test_retry_after(header: str | None, wait: timedelta | None) -> None:
    """Seconds and dates are read; what has passed, is negative or is nonsense says nothing."""
    assert retry_after(header, NOW) == wait
