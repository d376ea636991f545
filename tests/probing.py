"""Probes a server of a test, and gives what is found by name."""

import os
import ssl
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from lying_fhir import NOW, LyingFhir

from fhirnotify import settings
from fhirnotify.fhir.client import Client
from fhirnotify.harness.probing.finding import Behaviour, Finding, Verdict
from fhirnotify.harness.probing.probe import probe

EVERY = [name for name in Behaviour if name is not Behaviour.DIRECTORY]

_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""One for all clients: reading the world's authorities anew takes 80 ms."""


def findings(server: LyingFhir, **fhir: str) -> dict[str, Finding]:
    """Probe a lying server."""
    with server.serve():
        return findings_at(server.base_url, **fhir)


def findings_at(base_url: str, now: datetime = NOW, **fhir: str) -> dict[str, Finding]:
    """Probe what answers at an address, and hold the findings against what each report promises."""
    keys = {"base_url": base_url} | fhir
    environment = {f"FHIRNOTIFY_FHIR__{key.upper()}": value for key, value in keys.items()}
    chosen = settings.load(Path(os.devnull), environment | {"FHIRNOTIFY_CONSENT__CODES": "urn:x|y"})
    with closing(Client(base_url, timeout=timedelta(seconds=30), attempts=1, verify=_TLS)) as client:
        found = list(probe(client, chosen, now))
    names = [each.name for each in found]
    assert names == sorted(set(names), key=list(Behaviour).index)
    assert all(each.found and each.meaning for each in found)
    assert all(each.next_step for each in found if each.verdict is not Verdict.OK)
    return {each.name: each for each in found}
