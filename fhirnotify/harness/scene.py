"""The stage on which a test world is built: one scene for each case, with what is expected of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness import resources
from fhirnotify.harness.resources import Resource

FIRST_NAME = "Tolvan"


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run must say of one patient of one appointment.

    Attributes:
        patient: the record by which the row names the patient; None if nobody can be named.
        reason: None for a reminder.
        contact_type: given for a reminder.
        first_name: as it stands in the text; given for a reminder.
        number: E.164; given for a reminder.
    """

    appointment: str
    patient: str | None
    start: datetime
    reason: Reason | None
    contact_type: ContactType | None = None
    first_name: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Resources, and what a run at ``now`` with these settings must say of them.

    Attributes:
        settings: what ``fhirnotify.toml`` must hold beside the server and the provider, by section.
        resources: in no order that a server would need: see ``seed``.
        expected: one for each patient of each appointment that is considered.
    """

    version: FhirVersion
    now: datetime
    settings: Mapping[str, Mapping[str, Any]]
    resources: tuple[Resource, ...]
    expected: tuple[Expected, ...]

    @property
    def reminded(self) -> list[Expected]:
        """Give those who are reminded."""
        return [row for row in self.expected if row.reason is None]


@dataclass(slots=True)
class Scene:
    """One case: its people, their Consents, their visits, and what is expected.

    Attributes:
        name: begins every id.
        kind: the contact type that its visits have unless a case says otherwise.
        ordinal: numbers the scenes, for telephone numbers.
    """

    name: str
    version: FhirVersion
    now: datetime
    start: datetime
    kind: ContactType
    ordinal: int
    resources: list[Resource] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)

    @property
    def number(self) -> str:
        """The telephone number of the people in this scene."""
        return resources.fictional_number(self.ordinal)

    def patient(self, tail: str = "p", **elements: Any) -> str:
        """Add a Patient; give its id."""
        made = resources.patient(f"{self.name}-{tail}", self.number, **elements)
        self.resources.append(made)
        return str(made["id"])

    def consent(self, patient: str, tail: str = "c", **options: Any) -> None:
        """Add a Consent of this patient: a permit unless ``options`` say otherwise."""
        self.resources.append(resources.consent(self.version, f"{self.name}-{tail}", patient, **options))

    def consenting(self, tail: str = "p", **elements: Any) -> str:
        """Add a Patient who has consented; give its id."""
        patient = self.patient(tail, **elements)
        self.consent(patient, f"c-{tail}")
        return patient

    def appointment(self, *patients: str, tail: str = "a", start: datetime | None = None, **options: Any) -> str:
        """Add an Appointment; give its id."""
        options.setdefault("kind", self.kind)
        made = resources.appointment(self.version, f"{self.name}-{tail}", start or self.start, *patients, **options)
        self.resources.append(made)
        return str(made["id"])

    def expect(
        self,
        appointment: str,
        patient: str | None,
        reason: Reason | None = None,
        *,
        start: datetime | None = None,
        kind: ContactType | None = None,
        first_name: str = FIRST_NAME,
        number: str = "",
    ) -> None:
        """Say what becomes of one patient of an appointment."""
        start = start or self.start
        if reason is None:
            row = Expected(appointment, patient, start, None, kind or self.kind, first_name, number or self.number)
        else:
            row = Expected(appointment, patient, start, reason)
        self.expected.append(row)


Case = Callable[[Scene], None]
"""Fills a scene."""


def ordinary_visit_of(
    reason: Reason | None = None, *, said: str = FIRST_NAME, number: str = "", **elements: Any
) -> Case:
    """Make a case of a patient who has consented and differs from an ordinary one by these elements alone.

    ``said`` is the first name, and ``number`` the number, that the reminder must use.
    """

    def case(scene: Scene) -> None:
        patient = scene.consenting(**elements)
        scene.expect(scene.appointment(patient), patient, reason, first_name=said, number=number)

    return case
