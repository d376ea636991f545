"""Resources that are about someone else, and resources and servers that change while they are read."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from fhirnotify.harness.faults.counts import nothing, nothing_at_all
from fhirnotify.harness.faults.fault import (
    Bundle,
    Fault,
    earlier,
    edited,
    entries,
    fhir_json,
    instead,
    on,
    outcome,
    reworked,
)
from fhirnotify.harness.loopback import Reply
from fhirnotify.harness.proxy import METADATA, Act, Asked, Sent, Server
from fhirnotify.rows import instant

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"
_NEW_NUMBER = "070-174 06 99"

Change = Callable[[dict[str, Any]], object]


def _each(change: Change) -> Act:
    """Change every resource, each in a version of its own."""

    def edit(bundle: Bundle) -> None:
        for entry in entries(bundle):
            change(entry["resource"])
            entry["resource"].setdefault("meta", {})["versionId"] = "999"

    return edited(edit)


def _at_recheck(kind: str, act: Act) -> Act:
    """Let a fault act where resources are read anew by their ids, before something is sent on them."""

    def chosen(asked: Asked, server: Server) -> Sent:
        if asked.kind != kind or all(name != "_id" for name, _ in asked.params):
            return server.ask(asked)
        server.act()
        return act(asked, server)

    return chosen


def _moved(visit: dict[str, Any]) -> None:
    for end in ("start", "end"):
        visit[end] = instant(datetime.fromisoformat(visit[end]) + timedelta(hours=1))


def _withdrawn(consent: dict[str, Any]) -> None:
    consent["status"] = "inactive"


def _protected(patient: dict[str, Any]) -> None:
    label = {"system": "http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "code": "sekretessmarkering"}
    patient.setdefault("meta", {})["security"] = [label]


def _another_number(patient: dict[str, Any]) -> None:
    patient["telecom"] = [{"system": "phone", "use": "mobile", "value": _NEW_NUMBER}]


def _of_another_server(consent: dict[str, Any]) -> None:
    """Write the reference to the patient as one to a server that the client does not know."""
    for name in ("patient", "subject"):
        if name in consent:
            consent[name]["reference"] = f"https://inner.example/fhir/{consent[name]['reference']}"


def _and_another(bundle: Bundle, asked: Asked, server: Server) -> None:
    """Give beside the visits that are read anew the first page of the window."""
    known = {entry["resource"]["id"] for entry in entries(bundle)}
    entries(bundle).extend(entry for entry in earlier(asked, server) if entry["resource"]["id"] not in known)


def _unread(asked: Asked, server: Server) -> Sent:
    refused = instead(fhir_json(outcome("error", "not-supported"), 400))
    if asked.request.path.rpartition("/")[0].endswith(f"/{_APPOINTMENT}") and asked.request.method == "GET":
        return fhir_json(outcome("error", "forbidden"), 403)
    return _at_recheck(_APPOINTMENT, refused)(asked, server)


def _unversioned(bundle: Bundle) -> None:
    for entry in entries(bundle):
        entry["resource"].pop("meta", None)


def _capability(**elements: object) -> Act:
    """Change elements of the CapabilityStatement."""

    def act(asked: Asked, server: Server) -> Sent:
        return fhir_json({**json.loads(server.ask(asked).body), **elements})

    return act


def _other_version(asked: Asked, server: Server) -> Sent:
    """Say R5 for R4, and R4 for R5."""
    said = json.loads(server.ask(asked).body)
    return fhir_json({**said, "fhirVersion": "4.0.1" if said.get("fhirVersion") == "5.0.0" else "5.0.0"})


FAULTS = (
    Fault(
        "visits-moved-meanwhile",
        "moves visits by an hour between the scan and the re-check",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, _each(_moved)),
    ),
    Fault(
        "visits-cancelled-meanwhile",
        "cancels visits between the scan and the re-check",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, _each(lambda visit: visit.update(status="cancelled"))),
    ),
    Fault(
        "visits-gone-meanwhile",
        "deletes visits between the scan and the re-check",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, edited(nothing_at_all)),
    ),
    Fault(
        "visits-lost-at-recheck",
        "counts the visits that are read anew, and gives none",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, edited(nothing)),
    ),
    Fault(
        "visits-of-others-at-recheck",
        "ignores which visits are read anew: another comes along",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, reworked(_and_another)),
    ),
    Fault(
        "failing-at-recheck",
        "fails when visits are read anew (500)",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, instead(fhir_json(outcome("fatal", "exception"), 500))),
    ),
    Fault(
        "ids-refused-at-recheck",
        "does not let visits be searched by their ids (400), but reads each",
        "fresh-facts",
        _at_recheck(_APPOINTMENT, instead(fhir_json(outcome("error", "not-supported"), 400))),
    ),
    Fault(
        "reads-refused-at-recheck",
        "lets visits neither be searched by their ids (400) nor be read (403)",
        "fresh-facts",
        _unread,
    ),
    Fault(
        "consents-withdrawn-meanwhile",
        "knows Consents as withdrawn, between the scan and the re-check",
        "consent-or-silence",
        on(_CONSENT, _each(_withdrawn)),
    ),
    Fault(
        "patients-dead-meanwhile",
        "learns between the scan and the re-check that the patients have died",
        "fresh-facts",
        on(_PATIENT, _each(lambda patient: patient.update(deceasedBoolean=True))),
    ),
    Fault(
        "patients-protected-meanwhile",
        "learns between the scan and the re-check that identities are protected",
        "fresh-facts",
        on(_PATIENT, _each(_protected)),
    ),
    Fault(
        "numbers-changed-meanwhile",
        "learns between the scan and the re-check of another number",
        "fresh-facts",
        on(_PATIENT, _each(_another_number)),
    ),
    Fault(
        "consents-of-another-server",
        "writes patients in Consents by an address of its own that nobody else knows",
        "consent-or-silence",
        on(_CONSENT, _each(_of_another_server)),
    ),
    Fault(
        "versions-missing",
        "does not tell the versions of resources",
        "none-forgotten",
        on(None, edited(_unversioned)),
    ),
    Fault(
        "metadata-of-an-old-version",
        "speaks FHIR 3.0.2",
        "a-loud-failure",
        on(METADATA, _capability(fhirVersion="3.0.2")),
    ),
    Fault(
        "metadata-of-the-other-version",
        "says that it speaks R5 and speaks R4, or the other way round",
        "consent-or-silence",
        on(METADATA, _other_version),
    ),
    Fault(
        "metadata-without-version",
        "does not say which version of FHIR it speaks",
        "a-loud-failure",
        on(METADATA, _capability(fhirVersion=None)),
    ),
    Fault(
        "metadata-missing",
        "has no CapabilityStatement (404)",
        "a-loud-failure",
        on(METADATA, instead(fhir_json(outcome("error", "not-found"), 404))),
    ),
    Fault(
        "metadata-refused",
        "does not show its CapabilityStatement to this account (401)",
        "a-loud-failure",
        on(METADATA, instead(fhir_json(outcome("error", "login"), 401))),
    ),
    Fault(
        "metadata-of-a-gateway",
        "lets a gateway answer for the CapabilityStatement, 200 and HTML",
        "a-loud-failure",
        on(METADATA, instead(Reply(200, b"<html></html>", {"Content-Type": "text/html"}))),
    ),
    Fault(
        "metadata-empty",
        "says nothing in its CapabilityStatement but its version",
        "none-forgotten",
        on(METADATA, _capability(rest=[])),
    ),
)
