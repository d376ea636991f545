"""The source that reads a FHIR server over HTTP."""

import ssl
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import TypeVar

import httpx

from fhirnotify.core.model import ConsentStatement, FhirVersion, Identifier
from fhirnotify.errors import FhirError, IncompleteRead
from fhirnotify.fhir.bundle import Resource, read_page
from fhirnotify.fhir.capability import TYPES, Capability, read_capability
from fhirnotify.fhir.client import Client, Limits
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.identifiers import identifiers_of
from fhirnotify.fhir.logical import consents_by_identifier
from fhirnotify.fhir.references import patient_elsewhere
from fhirnotify.fhir.search import every_page
from fhirnotify.fhir.source import Appointment, Patient
from fhirnotify.fhir.translator import Translator
from fhirnotify.fhir.window import Window

_CHUNK = 100
"""Ids in one search: HAPI answers 300 in 0.1 s; a POST has no limit on the length of an address to mind."""
_IDENTIFIERS = 20
"""Identifiers in one search: HAPI has been seen to hang on longer lists of tokens (hapi-fhir#6457)."""
_COUNT = ("_count", "1000")
_TOTAL = ("_total", "accurate")
_REPLACED = "Patient:link"
_BY_IDENTIFIER = "patient:identifier"
_NOBODY = Identifier("urn:fhirnotify:probe", "nobody")

_Item = TypeVar("_Item")


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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = Client(
            base_url, timeout=timeout, attempts=attempts, auth=auth, verify=verify, limits=limits, sleep=sleep
        )
        self._translators = translators
        self._configured = version
        self._page_size = page_size

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
        """Give every booked Appointment with ``after < start < before``, a page at a time."""
        yield from Window(self._client, self._translator.appointment, self._page_size, after, before).pages()

    def appointments_by_id(self, ids: Collection[str]) -> dict[str, Appointment]:
        """Read Appointments anew, whatever their status is now."""
        translate = self._translator.appointment
        return {resource["id"]: translate(resource) for resource in self._by_id("Appointment", ids)}

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
        for chunk in _chunks((one for one in found if one.value), _IDENTIFIERS):
            asked = set(chunk)
            tokens = ",".join(map(_token, chunk))
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
        for chunk in _chunks(sorted(filter(None, asked)), _CHUNK):
            references = ",".join(f"Patient/{_escaped(one)}" for one in chunk)
            for resource in self._consents("patient", references):
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
            for chunk in _chunks(sorted(identifiers, key=_token), _CHUNK)
            for resource in self._consents(_BY_IDENTIFIER, ",".join(map(_token, chunk)))
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
        """Try the modifier with an identifier that nobody has: a server that refuses or ignores it does not know it."""
        nobody = ((_BY_IDENTIFIER, _token(_NOBODY)), ("_count", "1"), _TOTAL)
        try:
            page = read_page(self._client.search("Consent", nobody), "Consent")
        except (RefusedError, IncompleteRead):
            return False
        return not page.matches and not page.total

    def shortcomings(self) -> list[str]:
        """Give what the server does not offer, by its CapabilityStatement and by a harmless trial."""
        types, said = self._capability.types, []
        said += [f"{name} may not be searched, the server says" for name in TYPES if not types[name].searchable]
        if _REPLACED not in types["Patient"].rev_includes:
            said.append(f"_revinclude={_REPLACED} is not offered: merges that only old records tell of are not seen")
        if not self._searches_by_identifier:
            said.append("patient:identifier is not offered: Consents that name a patient by number are not seen")
        return said

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
        for chunk in _chunks(sorted(filter(None, set(ids))), _CHUNK):
            asked = set(chunk)
            params = (("_id", ",".join(map(_escaped, chunk))), _COUNT, _TOTAL, *also)
            for page in every_page(self._client, resource_type, params):
                for match in page.matches:
                    if match["id"] in asked or (also and _links_to(match, asked)):
                        yield match
                if also:
                    yield from page.included


def _chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _links_to(patient: Resource, ids: set[str]) -> bool:
    """Tell whether a Patient links to one of these: not every server says that it only came along."""
    links = patient.get("link")
    others = [link.get("other") for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return any(patient_elsewhere(other) in ids for other in others)


def _token(identifier: Identifier) -> str:
    return f"{_escaped(identifier.system or '')}|{_escaped(identifier.value)}"


def _escaped(text: str) -> str:
    """Escape what has a meaning in the value of a search parameter (FHIR, search.html#escaping)."""
    for mark in "\\,|$":
        text = text.replace(mark, f"\\{mark}")
    return text
