"""Consents that name their patient by a business identifier instead of pointing at a record."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from fhirnotify.core.model import ConsentStatement, Identifier
from fhirnotify.fhir.bundle import Resource
from fhirnotify.fhir.translator import Translator


def consents_by_identifier(
    resources: Iterable[Resource],
    translator: Translator,
    carriers: Callable[[Collection[Identifier]], dict[Identifier, list[str]]],
    asked: Collection[str],
) -> list[ConsentStatement]:
    """Give the Consents that name one of the asked Patients, each with the id of that Patient.

    Where several Patients carry the identifier nobody can tell whom the Consent is about: it is unreadable for each.

    Args:
        resources: Consents; one that does not name its patient by identifier is left out.
        translator: reads them.
        carriers: gives the ids of the Patients that carry each identifier.
        asked: the ids of the Patients.
    """
    named = [(resource, found) for resource in resources if (found := translator.identifier_of_consent(resource))]
    carry = carriers({identifier for _, identifier in named}) if named else {}
    statements = []
    for resource, identifier in named:
        patients = carry.get(identifier, [])
        for patient in patients:
            statement = translator.consent(resource, patient) if patient in asked else None
            if statement is not None:
                doubt = () if len(patients) == 1 else ("Consent.patient",)
                statements.append(replace(statement, unreadable=statement.unreadable or doubt))
    return statements
