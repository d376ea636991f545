"""sekmet-fhir as FHIR server and SMART authorization server in one."""

import os
from typing import Any

import pytest

from fhirnotify.harness.sekmet import INSTALL, SekmetServer, is_missing

SEEDER = "only-to-put-resources-there"
"""A token that may do everything; the program is never given it."""


def smart_sekmet(keys: Any, secret: str = "not used", lifetime: int = 300) -> SekmetServer:
    """Make a server that knows the client ``reminders`` by its keys, and others; it is not started yet."""
    if is_missing():
        what = f"sekmet-fhir is missing: {INSTALL}"
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    everything = "system/Appointment.rs system/Patient.rs system/Consent.rs"
    clients = [
        # One key a client: it tries each registered key, and fails on one of another kind than the assertion's.
        {"client_id": "reminders", "jwks": keys.jwks("ec"), "scopes": everything},
        {"client_id": "reminders-rsa", "jwks": keys.jwks("rsa"), "scopes": everything},
        {"client_id": "by-secret", "client_secret": secret, "scopes": everything},
        {"client_id": "harness", "jwks": keys.jwks("ec"), "scopes": "system/*.cruds"},
        {"client_id": "no-consents", "jwks": keys.jwks("ec"), "scopes": "system/Appointment.rs system/Patient.rs"},
    ]
    auth = {"types": ["smart", "bearer"], "tokens": [SEEDER], "token_lifetime": lifetime, "smart_clients": clients}
    return SekmetServer(settings={"server_auth": auth})
