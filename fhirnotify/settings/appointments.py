"""The keys of ``[fhir]`` that say how Appointments are asked for."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from fhirnotify.fhir.listed import By, Listed, Roster
from fhirnotify.fhir.references import ID
from fhirnotify.settings import forms, values
from fhirnotify.settings.section import Section

Strategy = Literal["by-date", "by-location", "by-patient"]
"""How Appointments are asked for."""

SOURCES: dict[Strategy, tuple[str, ...]] = {
    "by-date": (),
    "by-location": ("locations", "locations_file"),
    "by-patient": ("patients", "patients_file"),
}
"""The keys that each way wants exactly one of."""

_ROSTER = re.compile(rf"(?:Group|List)/{ID.pattern}")


def _location(value: object) -> str:
    found = value.removeprefix("Location/") if isinstance(value, str) else ""
    if ID.fullmatch(found):
        return found
    raise ValueError('is not the id of a Location: write "123" or "Location/123"')


def _roster(value: object) -> str:
    if isinstance(value, str) and _ROSTER.fullmatch(value):
        return value
    raise ValueError(
        'is not the reference of a Group or List: write "Group/123" or "List/123", or name a file of ids in'
        " patients_file"
    )


class Enumeration(Section):
    """How Appointments are asked for.

    ``by-date`` asks for everybody's at once. A server that does not answer that is asked ``by-location``, beside the
    date, or ``by-patient``; then exactly one of the keys that list them is given.
    """

    appointments: Strategy = Field(
        "by-date", description="How appointments are asked for, where the server does not answer by date alone."
    )
    locations: Annotated[
        tuple[Annotated[str, BeforeValidator(_location), forms.LOCATION], ...],
        NoDecode,
        BeforeValidator(values.listed),
        Field(min_length=1),
    ] = Field((), description="Ids of the Locations whose appointments are asked for.")
    locations_file: Path | None = Field(None, description="File with those ids, one a line.")
    patients: Annotated[str, BeforeValidator(_roster), forms.ROSTER] | None = Field(
        None, description="Group or List of the patients whose appointments are asked for."
    )
    patients_file: Path | None = Field(None, description="File with the ids of those patients, one a line.")

    @model_validator(mode="after")
    def _one_source_of_ids(self) -> Self:
        wanted = SOURCES[self.appointments]
        given = [key for keys in SOURCES.values() for key in keys if getattr(self, key)]
        if strange := [key for key in given if key not in wanted]:
            raise ValueError(f'appointments = "{self.appointments}" has no use for {" and ".join(strange)}')
        if wanted and not given:
            raise ValueError(f'appointments = "{self.appointments}" needs {" or ".join(wanted)}')
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both given: keep one of the two")
        return self

    def asked_by(self) -> By | None:
        """Give the Locations or Patients by which Appointments are asked for; None for by date alone."""
        if self.patients is not None:
            kind, _, identity = self.patients.partition("/")
            return Roster("fhir.patients", "Group" if kind == "Group" else "List", identity)
        if self.patients_file is not None:
            return Listed("Patient", "fhir.patients_file", file=self.patients_file)
        if self.locations_file is not None:
            return Listed("Location", "fhir.locations_file", file=self.locations_file)
        return Listed("Location", "fhir.locations", self.locations) if self.locations else None
