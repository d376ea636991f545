"""The rules that concern several decisions at once: duplicate bookings, and numbers shared by two patients."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from fhirnotify.core.answer import Decision, Reason, Remind, Skip
from fhirnotify.core.decide import Attendee


@dataclass(frozen=True, slots=True)
class Case:
    """A decision with whom and when it is about, and at which unit."""

    appointment: str
    start: datetime | None
    attendee: Attendee
    decision: Decision
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A reminder that stands already.

    ``yields`` says that it was claimed by this run and nothing has been begun: it gives way to a duplicate with a
    smaller appointment id. What stands from an earlier run does not.
    """

    reminder: str
    appointment: str
    patient: str
    start: datetime
    contact_type: str
    yields: bool


def duplicates(cases: Sequence[Case], standing: Iterable[Standing]) -> tuple[list[Case], list[Standing]]:
    """Skip duplicate bookings: same patient, start and contact type as another that is reminded of.

    What stands from an earlier run is the one reminded; within one run it is the smallest appointment id.

    Returns:
        The cases in the order given, and those standing reminders that have given way.
    """
    held: dict[tuple[str, datetime, str], list[Standing]] = {}
    for other in standing:
        held.setdefault((other.patient, other.start, other.contact_type), []).append(other)
    answers: dict[int, Case] = {}
    yielded: dict[str, Standing] = {}
    for position, case in sorted(enumerate(cases), key=lambda item: item[1].appointment):
        answers[position] = case
        if not isinstance(case.decision, Remind) or case.start is None:
            continue
        keys = [(alias, case.start, case.decision.contact_type) for alias in case.attendee.aliases]
        others = [other for key in keys for other in held.get(key, ()) if other.appointment != case.appointment]
        if any(not other.yields or other.appointment < case.appointment for other in others):
            answers[position] = _skipped(case, Reason.DUPLICATE_BOOKING)
            continue
        yielded.update((other.reminder, other) for other in others)
        for key in keys:
            held[key] = [Standing("", case.appointment, *key, yields=True)]
    return [answers[position] for position in range(len(cases))], list(yielded.values())


@dataclass(frozen=True, slots=True)
class Use:
    """Who is to be reminded of a start at a number."""

    appointment: str
    patient: str


Uses = dict[tuple[datetime, str], list[Use]]
"""Everyone who is reminded, by start and number. Personal data: lives in memory for one run only."""


def shared_numbers(cases: Sequence[Case], uses: Uses) -> tuple[list[Case], list[Use]]:
    """Skip patients who share a number with another patient at the same start; ``uses`` is added to.

    Returns:
        The cases in the order given, and those who used the number alone so far and must not be reminded either.
    """
    touched: dict[tuple[datetime, str], int] = {}
    for case in cases:
        if (key := _key(case)) and case.attendee.id is not None:
            users = uses.setdefault(key, [])
            touched.setdefault(key, len(users))
            users.append(Use(case.appointment, case.attendee.id))
    answers = [_skipped(case, Reason.NO_MOBILE_NUMBER) if _is_shared(case, uses) else case for case in cases]
    newly_shared = [
        use
        for key, before in touched.items()
        if len({use.patient for use in uses[key][:before]}) == 1 and len({use.patient for use in uses[key]}) > 1
        for use in uses[key][:before]
    ]
    return answers, newly_shared


def _key(case: Case) -> tuple[datetime, str] | None:
    number = case.decision.number
    return None if number is None or case.start is None else (case.start, number)


def _is_shared(case: Case, uses: Uses) -> bool:
    key = _key(case)
    return key is not None and len({use.patient for use in uses[key]}) > 1


def _skipped(case: Case, reason: Reason) -> Case:
    return replace(case, decision=Skip(reason, case.decision.evidence, case.decision.contact_type))
