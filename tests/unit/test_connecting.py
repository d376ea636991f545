"""What HTTP clients take from their surroundings."""

from datetime import timedelta

import pytest

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
