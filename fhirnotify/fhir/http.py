"""The source that reads a FHIR server over HTTP."""

import ssl
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import httpx

from fhirnotify.core.model import ConsentStatement, FhirVersion, Identifier
from fhirnotify.errors import FhirError
from fhirnotify.fhir.bundle import Resource
from fhirnotify.fhir.by_list import ByList, gathered
from fhirnotify.fhir.by_participant import NOT_TAKEN
from fhirnotify.fhir.capability import Capability, read_capability
from fhirnotify.fhir.client import Client, Limits, Params
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.identifiers import identifiers_of
from fhirnotify.fhir.listed import By
from fhirnotify.fhir.logical import consents_by_identifier
from fhirnotify.fhir.references import ID, References, patient_elsewhere
from fhirnotify.fhir.search import BY_IDENTIFIER, every_page, knows_identifier
from fhirnotify.fhir.search_values import chunks, escaped, references, token
from fhirnotify.fhir.source import Appointment, Patient
from fhirnotify.fhir.translator import Translator
from fhirnotify.fhir.window import Window

_CHUNK = 100
"""Ids in one search: HAPI answers 300 in 0.1 s; a POST has no limit on the length of an address to mind."""
_IDENTIFIERS = 20
"""Identifiers in one search: HAPI has been seen to hang on longer lists of tokens (hapi-fhir#6457)."""
_UTC = ZoneInfo("UTC")
_COUNT = ("_count", "1000")
_TOTAL = ("_total", "accurate")
_REPLACED = "Patient:link"


class HttpSource:
    """A ``Source`` over HTTP. Nothing is asked before it is needed; the CapabilityStatement is asked for once.

    Every filter is applied again to what the server returns.

    Args:
        base_url: http or https, without user name, query or fragment.
        translators: makes the translator of the version that the server speaks.
        version: the version that the settings say; None for whatever the server says.
        page_size: Appointments asked for a page; the server may give fewer.
        timeout: the longest wait for a connection, and for each next piece of an answer.
        attempts: how often a request is made in all while its fault is temporary.
        auth: signs each request; credentials never leave the origin of ``base_url``.
        verify: as httpx takes it: a context with the region's authorities and our certificate.
        limits: how much is taken from the server.
        by: the Locations or Patients by which Appointments are asked for; None for a server that takes a date alone.
        zone: the local time zone.
        sleep: waits the given seconds between attempts.

    Raises:
        SettingsError: ``base_url`` is not such an address.
    """

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        base_url: str,
        translators: Callable[[FhirVersion], Translator],
        *,
        version: FhirVersion | None,
        timeout: timedelta,
        page_size: int = 100,
        attempts: int = 4,
        auth: httpx.Auth | None = None,
        verify: ssl.SSLContext | bool = True,
        limits: Limits | None = None,
        by: By | None = None,
        zone: ZoneInfo = _UTC,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = Client(
            base_url, timeout=timeout, attempts=attempts, auth=auth, verify=verify, limits=limits, sleep=sleep
        )
        self._translators = translators
        self._configured = version
        self._page_size = page_size
        self._by = by and ByList(
            by,
            self._client,
            references=References(base_url),
            zone=zone,
            read=lambda ids: self._by_id("Patient", ids),
            carriers=self._carriers,
        )

    @property
    def requests(self) -> int:
        """HTTP requests made so far, retries included."""
        return self._client.requests

    @property
    def version(self) -> FhirVersion:
        """The version by which resources are read, from the CapabilityStatement."""
        return self._translator.version

    def capability(self) -> Capability:
        """Give what the server says about itself.

        Raises:
            FhirError: it cannot be asked, or is no FHIR server of a version that is read.
        """
        return self._capability

    def appointments(self, after: datetime, before: datetime) -> Iterator[list[Appointment]]:
        """Give every booked Appointment with ``after < start < before``, a page at a time.

        By Location or Patient they come in no order.
        """

        def ask(
            params: Params = (), keeps: Callable[[Resource], bool] = lambda _: True, *, dated: bool = True
        ) -> Iterator[list[Appointment]]:
            translate, size = self._translator.appointment, self._page_size
            window = Window(self._client, translate, size, after, before, params=params, keeps=keeps, dated=dated)
            yield from window.pages()

        yield from gathered(self._by.pages(ask, after), self._page_size) if self._by else ask()

    def appointments_by_id(self, ids: Collection[str]) -> dict[str, Appointment]:
        """Read Appointments anew, whatever their status is now.

        One after the other from a server that refuses ``_id``: Cambio's gives "information for a single appointment".
        """
        translate = self._translator.appointment
        try:
            found = list(self._by_id("Appointment", ids))
        except RefusedError as refusal:
            if refusal.status not in NOT_TAKEN or not all(map(ID.fullmatch, ids)):
                raise
            found = [one for id_ in ids if (one := self._client.read("Appointment", id_)) is not None]
        return {resource["id"]: translate(resource) for resource in found}

    def patients(self, ids: Collection[str]) -> dict[str, Patient]:
        """Read Patients by id, and those that link to them where the server can tell."""
        translate = self._translator.patient
        found: dict[str, Patient] = {}
        for resource in self._by_id("Patient", ids):
            if resource["id"] not in found:
                found[resource["id"]] = translate(resource)
        return found

    def patients_by_identifier(self, identifiers: Collection[Identifier]) -> dict[Identifier, list[Patient]]:
        """Search Patients by business identifier: those that carry exactly this system and value.

        An identifier without a system is one that the Patient, too, has without a system.
        """
        translate = self._translator.patient
        found: dict[Identifier, dict[str, Patient]] = {identifier: {} for identifier in identifiers}
        for chunk in chunks((one for one in found if one.value), _IDENTIFIERS):
            asked = set(chunk)
            tokens = ",".join(map(token, chunk))
            for page in every_page(self._client, "Patient", (("identifier", tokens), _COUNT, _TOTAL)):
                for resource in page.matches:
                    for identifier in asked.intersection(identifiers_of(resource)):
                        found[identifier][resource["id"]] = translate(resource)
        return {identifier: list(patients.values()) for identifier, patients in found.items()}

    def consents(
        self, patient_ids: Collection[str], identifiers: Collection[Identifier] = ()
    ) -> list[ConsentStatement]:
        """Search every Consent of these Patients, each Consent once, its patient checked to be one of them."""
        asked, known = frozenset(patient_ids), frozenset(identifiers)
        found: dict[str, ConsentStatement | None] = {}
        naming: dict[str, Resource] = {}
        for chunk in chunks(sorted(filter(None, asked)), _CHUNK):
            for resource in self._consents("patient", references("Patient", chunk)):
                if self._translator.identifier_of_consent(resource) in known:
                    naming[resource["id"]] = resource
                elif resource["id"] not in found:
                    found[resource["id"]] = self._translator.consent(resource) or self._doubt(resource)
        naming |= self._naming(known)
        pointing = [one for one in found.values() if one is not None and one.patient in asked]
        return pointing + consents_by_identifier(naming.values(), self._translator, self._carriers, asked)

    def _naming(self, identifiers: frozenset[Identifier]) -> dict[str, Resource]:
        """Search the Consents that name their patient by identifier, where the server knows that search."""
        if not identifiers or not self._searches_by_identifier:
            return {}
        return {
            resource["id"]: resource
            for chunk in chunks(sorted(identifiers, key=token), _CHUNK)
            for resource in self._consents(BY_IDENTIFIER, ",".join(map(token, chunk)))
            if self._translator.identifier_of_consent(resource) in identifiers
        }

    def _doubt(self, resource: Resource) -> ConsentStatement | None:
        """Read a Consent that the server says is one of ours, though it points at a Patient of another server.

        A server behind a gateway may write its inner address. Whom it is about cannot be told, so it is in doubt.
        """
        patient = self._translator.foreign_patient_of_consent(resource)
        statement = self._translator.consent(resource, patient) if patient else None
        return statement and replace(statement, unreadable=statement.unreadable or ("Consent.patient",))

    def _consents(self, parameter: str, value: str) -> Iterator[Resource]:
        """Give the Consents found, and any that the server says only came along: it may be the one that says no."""
        for page in every_page(self._client, "Consent", ((parameter, value), _COUNT, _TOTAL)):
            yield from page.matches
            yield from page.included

    def _carriers(self, identifiers: Collection[Identifier]) -> dict[Identifier, list[str]]:
        return {
            identifier: [patient.id for patient in patients]
            for identifier, patients in self.patients_by_identifier(identifiers).items()
        }

    @cached_property
    def _searches_by_identifier(self) -> bool:
        return knows_identifier(self._client, "Consent")

    def shortcomings(self) -> list[str]:
        """Give whom of those that are listed the server cannot find."""
        return self._by.shortcomings() if self._by else []

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    @cached_property
    def _capability(self) -> Capability:
        capability = read_capability(self._client.metadata())
        if self._configured is None or self._configured is capability.version:
            return capability
        raise FhirError(
            f"The server speaks FHIR {capability.fhir_version}, and fhir.version says {self._configured}.",
            'Set fhir.version to "auto" or to what the server speaks, or fhir.base_url to another endpoint of it.',
        )

    @cached_property
    def _translator(self) -> Translator:
        return self._translators(self._capability.version)

    def _by_id(self, resource_type: str, ids: Collection[str]) -> Iterator[Resource]:
        """Give the resources asked for, and for Patients those that came along, at times more than once."""
        revinclude = _REPLACED in self._capability.types[resource_type].rev_includes
        also = (("_revinclude", _REPLACED),) if revinclude and resource_type == "Patient" else ()
        for chunk in chunks(sorted(filter(None, set(ids))), _CHUNK):
            asked = set(chunk)
            params = (("_id", ",".join(map(escaped, chunk))), _COUNT, _TOTAL, *also)
            for page in every_page(self._client, resource_type, params):
                for match in page.matches:
                    if match["id"] in asked or (also and _links_to(match, asked)):
                        yield match
                if also:
                    yield from page.included


def _links_to(patient: Resource, ids: set[str]) -> bool:
    """Tell whether a Patient links to one of these: not every server says that it only came along."""
    links = patient.get("link")
    others = [link.get("other") for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return any(patient_elsewhere(other) in ids for other in others)
