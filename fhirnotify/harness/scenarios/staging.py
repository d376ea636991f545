"""A scenario set on a stage: its resources with ids, instants and references that hold on one server, one week."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness import resources
from fhirnotify.harness.resources import CONSENT_CODE, Resource
from fhirnotify.harness.scenarios import model
from fhirnotify.harness.scenarios.model import Scenario, Written
from fhirnotify.harness.scenarios.moments import in_text, moment
from fhirnotify.rows import instant

OURS = "ours"
FIRST_NAME = "Tolvan"

_ID = re.compile(r"\$\{id ([A-Za-z0-9.-]+)\}")
_REFERENCE = re.compile(r"^((?:\$\{base\}/)?[A-Z][A-Za-z]+/)([A-Za-z0-9.-]+)(/_history/[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and when a scenario is played.

    Attributes:
        base_url: of the server, for references that name it.
        now: the instant at which the scenario begins.
        prefix: stands before every id.
        tags: Codings that every resource carries.
        location: the Location that every Appointment is at; None for none.
    """

    version: FhirVersion
    base_url: str
    now: datetime
    prefix: str
    tags: Sequence[Mapping[str, str]]
    location: str | None = None


@dataclass(slots=True)
class Staging:
    """One scenario on its stage. What is put there is remembered, so that it can be taken away."""

    name: str
    scenario: Scenario
    stage: Stage
    present: dict[tuple[str, str], Resource] = field(default_factory=dict)
    """What stands on the server, by type and id."""
    ever: dict[tuple[str, str], Resource] = field(default_factory=dict)
    """What has ever been put there."""
    _numbers: dict[str, str] = field(default_factory=dict)
    _own: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        written = [*self.scenario.resources, *(each for step in self.scenario.steps for each in step.change)]
        for each in written:
            if isinstance(each, model.Patient):
                self._numbers.setdefault(each.patient, resources.fictional_number(len(self._numbers)))
        self._own = frozenset(model.reference_of(each).partition("/")[2] for each in written)

    def put(self, written: Iterable[Written]) -> list[Resource]:
        """Make resources as they stand on the server."""
        made = [self._made(each) for each in written]
        by_key = {(resource["resourceType"], resource["id"]): resource for resource in made}
        self.present |= by_key
        self.ever |= by_key
        return made

    def taken_away(self, references: Iterable[str]) -> list[Resource]:
        """Give the resources that these references, ``Type/id``, name; they are no longer there."""
        keys = [(kind, self.id(short)) for kind, _, short in (each.partition("/") for each in references)]
        return [self.present.pop(key) for key in keys if key in self.present]

    def id(self, short: str) -> str:
        """Give an id as it stands on the server."""
        return self.stage.prefix + short

    def moment(self, written: str) -> datetime:
        """Work out a moment."""
        return moment(written, self.stage.now)

    def number(self, patient: str | None) -> str:
        """Give the number of an ordinary Patient, E.164; empty for one that is written in full."""
        return self._numbers.get(patient or "", "")

    def start(self, appointment: str) -> str | None:
        """Give when an Appointment starts, as it stands now, in UTC."""
        start = self.present.get(("Appointment", self.id(appointment)), {}).get("start")
        try:
            return instant(datetime.fromisoformat(start)) if isinstance(start, str) else None
        except ValueError:
            return None

    def text(self, text: str) -> str:
        """Put what holds here in the place of each ``${…}``."""
        named = _ID.sub(lambda match: self.id(match[1]), in_text(text, self.stage.now))
        return named.replace("${base}", self.stage.base_url)

    def _made(self, written: Written) -> Resource:
        if isinstance(written, dict):
            own: Resource = {"resourceType": written["resourceType"], "id": self.id(written["id"])}
            resource: Resource = self._here(written)
        else:
            resource = self._ordinary(written)
            own = {key: resource[key] for key in ("resourceType", "id")}
            for elements in written.elements(self.stage.version):
                resource = _laid_over(resource, self._here(elements))
        return self._tagged(self._at_location({**resource, **own}))  # whatever is laid over, it is one of ours

    def _ordinary(self, written: model.Patient | model.Consent | model.Appointment) -> Resource:
        version = self.stage.version
        if isinstance(written, model.Patient):
            return resources.patient(self.id(written.patient), self._numbers[written.patient])
        if isinstance(written, model.Consent):
            return resources.consent(
                version,
                self.id(written.consent),
                self.id(written.of),
                decision=written.decision,
                made=None if written.made is None else self.moment(written.made),
                during=self._span(written.during),
                provisions=[self._provision(each) for each in written.provisions],
                codes=map(_code, written.codes),
            )
        made = resources.appointment(
            version,
            self.id(written.appointment),
            self.moment(written.at or "now+24h"),
            *map(self.id, written.patients),
            kind=written.kind or ContactType.MOTTAGNING,
        )
        absent = ([] if written.kind else ["appointmentType"]) + ([] if written.at else ["start", "end"])
        return {key: value for key, value in made.items() if key not in absent}

    def _provision(self, written: model.Provision) -> Resource:
        made = resources.provision(
            self.stage.version, written.type, *map(_code, written.codes), period=self._span(written.during)
        )
        if nested := [self._provision(each) for each in written.provisions]:
            made["provision"] = nested
        for elements in written.elements(self.stage.version):
            made = _laid_over(made, self._here(elements))
        return made

    def _span(self, span: model.Span | None) -> Resource | None:
        if span is None:
            return None
        ends = (None if each is None else self.moment(each) for each in (span.start, span.end))
        return resources.period(*ends)

    def _at_location(self, resource: Resource) -> Resource:
        if self.stage.location is None or resource["resourceType"] != "Appointment":
            return resource
        here = resources.participant(self.stage.version, {"reference": f"Location/{self.stage.location}"})
        return {**resource, "participant": [*resource.get("participant", []), here]}

    def _tagged(self, resource: Resource) -> Resource:
        meta = resource.get("meta", {})
        return {**resource, "meta": {**meta, "tag": [*meta.get("tag", []), *self.stage.tags]}}

    def _here(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._here(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self._here(each, key) for each in value]
        if not isinstance(value, str):
            return value
        named = _REFERENCE.fullmatch(value) if key == "reference" else None
        if named and named[2] in self._own:
            value = f"{named[1]}{self.id(named[2])}{named[3] or ''}"
        return self.text(value)


def _code(written: str) -> str:
    return CONSENT_CODE if written == OURS else written


def _laid_over(below: Resource, above: Mapping[str, Any]) -> Resource:
    """Merge as RFC 7396 has it: objects within objects, lists as a whole, null takes out."""
    merged = dict(below)
    for key, value in above.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            under = merged.get(key)
            merged[key] = _laid_over(under if isinstance(under, dict) else {}, value)
        else:
            merged[key] = value
    return merged
