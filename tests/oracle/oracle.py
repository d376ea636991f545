"""What a run on a world must answer, by the specification alone: a second implementation of the rules."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import oracle_consent
import oracle_message
import oracle_person
from oracle_contact import Mapping, contact_type
from oracle_read import InvalidError, has_modifiers, read
from oracle_store import Person, Store
from oracle_time import duration, quiet, span

Json = dict[str, Any]
_UNITS = ("Location", "HealthcareService", "Organization")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
ABSENT = {True: None, False: "not-attending"}


@dataclass(frozen=True)
class World:
    """Resources, ``full_urls`` ("Patient/p1" to its fullUrl), the settings as in ``fhirnotify.toml``, and the clock."""

    version: str
    resources: list[Json]
    settings: Json
    now: str
    full_urls: dict[str, str] = field(default_factory=dict)
    layout: str = "files"


@dataclass(frozen=True)
class Answer:
    """One row, and for a reminder what is sent."""

    appointment: str
    patient: str | None
    start: str | None
    decision: str
    reason: str | None
    contact_type: str | None
    outcome: str | None = None
    segments: int | None = None
    to: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Case:
    """One patient of one appointment on its way through the rules."""

    answer: Answer
    start: datetime | None
    person: Person | None
    first_name: str = ""


class Oracle:
    """Holds one world and answers for each of its appointments."""

    def __init__(self, world: World, mapping: Mapping) -> None:
        settings = world.settings
        self.world, self.mapping, self.version = world, mapping, world.version
        self.reminder, self.message = settings.get("reminder", {}), settings.get("message", {})
        self.consent, self.recipient = settings.get("consent", {}), settings.get("recipient", {})
        self.zone = ZoneInfo(self.reminder.get("time_zone", "Europe/Stockholm"))
        self.now = datetime.fromisoformat(world.now).astimezone(UTC)
        self.lead = duration(self.reminder.get("lead", "48h"))
        self.latest = duration(self.reminder.get("latest", "4h"))
        self.store = Store(world.resources, world.full_urls, world.version)

    def rows(self) -> list[Answer]:
        """Give the rows of every appointment considered."""
        cases = [case for appointment in self.store.appointments for case in self._cases(appointment)]
        if self.recipient.get("shared_number", "allow") == "skip":
            cases = self._without_shared(cases)
        cases = [self._held_against_record(case) for case in cases]
        return [case.answer for case in self._without_duplicates(cases)]

    def _cases(self, raw: Json) -> list[Case]:
        start = self._start(raw)
        found_by = start or self._asked_for(raw)
        if found_by is None or raw.get("status") != "booked" or not self.now < found_by < self.now + self.lead:
            return []
        shown = start.isoformat().replace("+00:00", "Z") if start else None
        row = Answer(raw["id"], None, shown, "skip", None, None)
        try:
            appointment = read(raw, self.version, self.mapping.needed())
        except InvalidError:
            return [Case(replace(row, reason="invalid-resource"), start, None)]
        if has_modifiers(appointment):
            return [Case(replace(row, reason="invalid-resource"), start, None)]
        of_all = self._of_appointment(appointment, start)
        people = self._people(appointment, raw)
        if not people:
            return [Case(replace(row, reason=of_all or "patient-unreadable"), start, None)]
        return [
            self._decide(replace(row, patient=person.named), start, person, raw, of_all or ABSENT[attends])
            for person, attends in people
        ]

    def _start(self, raw: Json) -> datetime | None:
        text = raw.get("start")
        if not isinstance(text, str) or not _INSTANT.fullmatch(text):
            return None
        return datetime.fromisoformat(text).astimezone(UTC)

    def _asked_for(self, raw: Json) -> datetime | None:
        """Give the moment by which R5 finds an Appointment that has no start: the first period asked for."""
        asked = _listed(raw.get("requestedPeriod"))[:1] if self.version == "R5" and "start" not in raw else []
        return span(asked[0]["start"], self.zone).first if asked and "start" in asked[0] else None

    def _of_appointment(self, appointment: Json, start: datetime | None) -> str | None:
        if start is None:
            return "no-start"
        if start - self.now < self.latest:
            return "too-late"
        created = appointment.get("created")
        is_late = created is not None and span(created, self.zone).first > start - self.lead
        return "late-booking" if is_late and self.reminder.get("late_booking", "send") == "skip" else None

    def _people(self, appointment: Json, raw: Json) -> list[tuple[Person, bool]]:
        """Give each distinct person after merge, and whether no entry says that the person will not come."""
        found: list[tuple[Person, bool]] = []
        entries = [(one.get("actor"), one) for one in appointment.get("participant", [])]
        entries += [(appointment["subject"], {})] if "subject" in appointment else []
        for reference, entry in entries:
            target = self.store.resolve(reference, raw)
            if not target.is_patient:
                continue
            person = self.store.follow(target)
            attends = entry.get("status") != "declined" and entry.get("required") != "information-only"
            for place, (known, so_far) in enumerate(found):
                if known.named is not None and (known.named, known.fault) == (person.named, person.fault):
                    ways = _both_ways(known, person)
                    found[place] = (ways, so_far and attends)
                    break
            else:
                found.append((person, attends))
        return found

    def _decide(self, row: Answer, start: datetime | None, person: Person, raw: Json, known: str | None) -> Case:
        reason = known or person.fault
        if start is None or reason:
            return Case(replace(row, reason=reason), start, person)
        reason = self._of_person(person, start)
        if reason:
            return Case(replace(row, reason=reason), start, person)
        kind, reason = contact_type(read(raw, self.version, self.mapping.needed()), self.mapping)
        row = replace(row, contact_type=kind)
        name = oracle_person.first_name(person.survivor, self.now, self.zone)
        to = oracle_person.number(person.survivor, self.recipient.get("countries", ["SE"]), self.now, self.zone)
        reason = reason or (None if name else "no-first-name") or (None if to else "no-mobile-number")
        if reason or kind is None or name is None:
            return Case(replace(row, reason=reason), start, person)
        text = oracle_message.render(name, kind, start, self.zone, self.message)
        held = quiet(
            self.now, self.reminder.get("quiet_from", "21:00"), self.reminder.get("quiet_until", "07:00"), self.zone
        )
        outcome = "held" if held else "accepted"
        row = replace(row, decision="remind", to=to, text=text, outcome=outcome)
        return Case(replace(row, segments=oracle_message.segments(text)), start, person, name)

    def _of_person(self, person: Person, start: datetime) -> str | None:
        survivor = person.survivor
        if survivor.get("active") is False:
            return "patient-inactive"
        if any(map(oracle_person.dead, person.records)):
            return "patient-deceased"
        if any(map(oracle_person.protected, person.uncut)):
            return "protected-identity"
        visit = start.astimezone(self.zone).date()
        if oracle_person.skipped_age(survivor, self.recipient.get("skip_ages", []), visit):
            return "age-policy"
        asked = oracle_consent.Asked(self.version, frozenset(self.consent["codes"]), self.now, self.zone)
        consents = self.store.consents_of(person)
        return oracle_consent.reason(consents, asked, self.consent.get("combine", "deny-overrides"))

    def _without_shared(self, cases: list[Case]) -> list[Case]:
        holders: dict[tuple[datetime | None, str | None], set[str | None]] = {}
        for case in cases:
            if case.answer.decision == "remind":
                holders.setdefault((case.start, case.answer.to), set()).add(case.answer.patient)
        return [
            _skip(case, "no-mobile-number")
            if case.answer.decision == "remind" and len(holders[case.start, case.answer.to]) > 1
            else case
            for case in cases
        ]

    def _held_against_record(self, case: Case) -> Case:
        if case.answer.decision != "remind" or case.person is None:
            return case
        appointment = next(one for one in self.store.appointments if one["id"] == case.answer.appointment)
        record = case.person.survivor
        others = oracle_person.other_facts(record) + self._units(appointment)
        hit = oracle_message.sensitive(case.first_name, oracle_person.families(record), others)
        return _skip(case, "privacy-blocked") if hit or oracle_message.refused(case.first_name) else case

    def _units(self, appointment: Json) -> list[str]:
        """Give the names of units, practitioners and services, and the identifiers, that the appointment carries."""
        found = [one.get("value") for one in _listed(appointment.get("identifier"))]
        for one in _listed(appointment.get("participant")):
            actor = one.get("actor") or {}
            if not self.store.resolve(actor, appointment).is_patient:
                found.append(actor.get("display"))
        for one in _listed(appointment.get("contained")):
            if one.get("resourceType") in _UNITS:
                found.append(one.get("name"))
            elif one.get("resourceType") == "Practitioner":
                found += [_whole(name) for name in one.get("name", [])]
        for element in ("serviceType", "serviceCategory", "specialty"):
            for one in _listed(appointment.get(element)):
                concept = one.get("concept", one)
                found += [concept.get("text"), *(coding.get("display") for coding in _listed(concept.get("coding")))]
        return [one for one in found if one]

    def _without_duplicates(self, cases: list[Case]) -> list[Case]:
        kept: dict[tuple[str | None, datetime | None, str | None], str] = {}
        for case in cases:
            if case.answer.decision == "remind":
                key = (case.answer.patient, case.start, case.answer.contact_type)
                kept[key] = min(case.answer.appointment, kept.get(key, case.answer.appointment))
        return [
            _skip(case, "duplicate-booking")
            if case.answer.decision == "remind"
            and kept[case.answer.patient, case.start, case.answer.contact_type] != case.answer.appointment
            else case
            for case in cases
        ]


def _listed(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _whole(name: Json) -> str:
    return name.get("text") or " ".join([*name.get("given", []), name.get("family", "")])


def _both_ways(one: Person, other: Person) -> Person:
    """Join the records on two ways to one survivor."""
    if one.fault:
        return one
    return replace(one, records=other.records[:-1] + one.records, uncut=other.uncut[:-1] + one.uncut)


def _skip(case: Case, reason: str) -> Case:
    bare = replace(case.answer, decision="skip", reason=reason, outcome=None, segments=None, to=None, text=None)
    return replace(case, answer=bare)


def rows(world: World, mapping: Mapping) -> list[Answer]:
    """Give the rows that ``plan`` and ``run`` must print for a world and an empty ledger."""
    return Oracle(world, mapping).rows()
