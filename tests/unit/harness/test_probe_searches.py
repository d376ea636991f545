"""The probe tries what the job does: each search that a pass makes is one that the probe has made, to the parameter."""

import os
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from lying_fhir import NOW, LyingFhir
from probing import findings_at

from fhirnotify import settings, wiring
from fhirnotify.core.model import Identifier

SINCE = NOW + timedelta(microseconds=250_000)


_TOLD = ("date", "status", "_sort", "_total", "_revinclude")


def searches(server: LyingFhir) -> set[tuple[str, ...]]:
    """Give the searches that were made: the type, the parameters in their order, and the values of some of them."""
    return {
        (path, *(f"{name}={value}" if name in _TOLD else name for name, value in form))
        for _, path, form in server.requests
        if path.endswith("/_search")
    }


def test_the_probe_makes_every_search_of_a_pass() -> None:
    """Were the job to ask in another way, this would tell."""
    server, tried = LyingFhir(), LyingFhir()
    with server.serve(), tried.serve():
        environment = {"FHIRNOTIFY_FHIR__BASE_URL": server.base_url, "FHIRNOTIFY_CONSENT__CODES": "urn:x|y"}
        with closing(wiring.source(settings.load(Path(os.devnull), environment))) as source:
            (page,) = source.appointments(SINCE, SINCE + timedelta(hours=48))
            source.appointments_by_id([one.id for one in page])
            source.patients(["p0"])
            number = Identifier("urn:x", "1")
            source.patients_by_identifier([number])
            source.consents(["p0"], [number])
        findings_at(tried.base_url, SINCE)
    assert len(searches(server)) == 6
    assert searches(server) - searches(tried) == set()
