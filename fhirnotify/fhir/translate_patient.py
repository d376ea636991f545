"""From a Patient to the facts that the rules read of it."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from fhirnotify.core.model import ALWAYS, CALL_ME, FhirVersion, Given, Invalid, Link, Name, PatientRef, Person, Telecom
from fhirnotify.fhir.identifiers import identifiers_of
from fhirnotify.fhir.moments import full_date
from fhirnotify.fhir.references import References
from fhirnotify.fhir.translate_datatypes import id_of, period, ref_of, ref_of_valid, values, words
from fhirnotify.fhir.translate_shapes import (
    ANY_ID,
    CODINGS,
    DATE,
    DATE_TIME,
    EXTENSION_OF_GIVEN,
    PERIOD,
    REFERENCE,
    STRING,
    Code,
    Flag,
    Many,
    Object,
    Positive,
    Refused,
)
from fhirnotify.fhir.translate_validate import Reader, Unreadable

_QUALIFIER = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-qualifier"
_PROTECTED = frozenset(
    {
        ("http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "sekretessmarkering"),
        ("http://hl7.se/fhir/ig/base/CodeSystem/SecurityLabel", "skyddadFolkbokforing"),
        ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R"),
        ("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "V"),
    }
)
_PLACEHOLDER = "skyddad uppgift"
_NAME = Object(
    {
        "use": Code(("usual", "official", "temp", "nickname", "anonymous", "old", "maiden")),
        "family": STRING,
        "given": Many(STRING, holes=True),
        "_given": Many(Object({"extension": Many(EXTENSION_OF_GIVEN)}), holes=True),
        "period": PERIOD,
    }
)
_TELECOM = Object(
    {
        "system": Code(("phone", "fax", "email", "pager", "url", "sms", "other")),
        "value": STRING,
        "use": Code(("home", "work", "temp", "old", "mobile")),
        "rank": Positive(),
        "period": PERIOD,
    }
)
_LINK = Object(
    {
        "modifierExtension": Refused(),
        "other": REFERENCE,
        "type": Code(("replaced-by", "replaces", "refer", "seealso")),
    },
    frozenset({"other", "type"}),
)
PATIENT = Object(
    {
        "id": ANY_ID,
        "meta": Object({"versionId": ANY_ID, "security": CODINGS}),
        "implicitRules": Refused(),
        "modifierExtension": Refused(),
        "active": Flag(),
        "deceasedBoolean": Flag(),
        "deceasedDateTime": DATE_TIME,
        "birthDate": DATE,
        "name": Many(_NAME),
        "telecom": Many(_TELECOM),
        "link": Many(_LINK),
    },
    frozenset({"id"}),
    one_of=frozenset({"deceasedBoolean", "deceasedDateTime"}),
    choice="deceased[x]",
)
"""What is read of a Patient; the same elements in R4 and R5."""


class PatientTranslator:
    """Reads Patients of one FHIR version."""

    def __init__(self, version: FhirVersion, references: References, zone: ZoneInfo) -> None:
        self._reader = Reader("Patient", version, PATIENT)
        self._references = references
        self._zone = zone

    def patient(self, resource: object, within: str = "") -> Person | Invalid:
        """Read a Patient; one contained in the resource ``within`` is known as ``#id``."""
        try:
            kept = self._reader.read(resource)
        except Unreadable as unreadable:
            identity = id_of(resource)
            ref = f"{within}#{identity}" if within else ref_of(resource, "Patient")
            return Invalid(f"#{identity}" if within else identity, ref, unreadable.paths)
        assert isinstance(resource, dict)
        identity = kept["id"]
        birth_date = kept.get("birthDate")
        return Person(
            id=f"#{identity}" if within else identity,
            ref=f"{within}#{identity}" if within else ref_of_valid(kept),
            active=kept.get("active", True),
            deceased=_is_deceased(kept, resource),
            protected=_is_protected(kept, resource),
            birth_date=None if birth_date is None else full_date(birth_date),
            names=tuple([self._name(name) for name in kept.get("name", ())]),
            telecoms=tuple([self._telecom(telecom) for telecom in kept.get("telecom", ()) if "value" in telecom]),
            links=tuple(self._links(kept["link"])) if "link" in kept else (),
            identifiers=tuple(identifiers_of(resource)),
            private=frozenset(_private(resource)),
        )

    def _name(self, name: dict[str, Any]) -> Name:
        marks = [_is_call_me(mark) for mark in name.get("_given", ())]
        given = tuple(
            [
                Given(text, call_me=index < len(marks) and marks[index])
                for index, text in enumerate(name.get("given", ()))
                if text is not None and text.strip()
            ]
        )
        within = name.get("period")
        return Name(name.get("use"), given, name.get("family"), period(within, self._zone) if within else ALWAYS)

    def _telecom(self, telecom: dict[str, Any]) -> Telecom:
        within = telecom.get("period")
        return Telecom(
            telecom.get("system"),
            telecom["value"],
            telecom.get("use"),
            telecom.get("rank"),
            period(within, self._zone) if within else ALWAYS,
        )

    def _links(self, links: list[dict[str, Any]]) -> Iterator[Link]:
        """Give the links to Patients; a RelatedPerson is none, and cannot replace one."""
        for link in links:
            other = self._references.patient(link["other"])
            if other is not None:
                yield Link(link["type"], other)
            elif link["type"] == "replaced-by":
                yield Link(link["type"], PatientRef())


def _is_call_me(mark: dict[str, Any] | None) -> bool:
    for extension in (mark or {}).get("extension", ()):
        if extension["url"] == _QUALIFIER and extension.get("valueCode") == CALL_ME:
            return True
    return False


def _is_deceased(kept: dict[str, Any], resource: dict[str, Any]) -> bool:
    """True, any date, or a date of death that is there but not known (an extension in place of the value)."""
    undated = bool(resource.get("_deceasedDateTime")) and "deceasedBoolean" not in kept
    return kept.get("deceasedBoolean", False) or "deceasedDateTime" in kept or undated


def _is_protected(kept: dict[str, Any], resource: dict[str, Any]) -> bool:
    """Look for a label of protected identity, or its placeholder anywhere in a name, extensions included."""
    labels = kept.get("meta", {}).get("security", ())
    if any((label.get("system"), label.get("code")) in _PROTECTED for label in labels):
        return True
    if not _may_hold_placeholder(resource.get("name")):
        return False
    return any(" ".join(part.split()).casefold() == _PLACEHOLDER for part in words(resource["name"]))


def _may_hold_placeholder(names: object) -> bool:
    """Look for its first word, at a fraction of the time that a walk through the names takes."""
    try:
        return _PLACEHOLDER[:7] in repr(names).casefold()
    except RecursionError:
        return True


def _private(resource: dict[str, Any]) -> Iterator[str]:
    """Gather identifiers, numbers and address lines, whatever else is wrong with them."""
    yield from values(resource.get("identifier"), "value")
    yield from values(resource.get("telecom"), "value")
    yield from values(resource.get("address"), "line")
    for name in ("managingOrganization", "generalPractitioner"):
        if name in resource:
            yield from words(resource[name], "display")
