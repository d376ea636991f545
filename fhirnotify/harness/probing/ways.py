"""The ways in which Appointments can be asked for beside their date: by location and by patient."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from fhirnotify.fhir.bundle import Page
from fhirnotify.fhir.client import Params
from fhirnotify.fhir.listed import Kind, Listed
from fhirnotify.fhir.references import References
from fhirnotify.fhir.search_values import references as written
from fhirnotify.harness.probing import lists
from fhirnotify.harness.probing.asking import ONE, Asker, Refusal, around, window
from fhirnotify.harness.probing.finding import Behaviour, Finding, Verdict, error, ok, unknown, warning
from fhirnotify.harness.probing.sample import FAR_OFF, NO_VISIT, Sample
from fhirnotify.settings.appointments import Enumeration

_SOME = 20
_FEW = 5
_WAYS: tuple[tuple[Behaviour, Kind, str], ...] = (
    (Behaviour.BY_PATIENT, "Patient", "patient"),
    (Behaviour.BY_LOCATION, "Location", "location"),
)


class _Answered(NamedTuple):
    """How a search by one participant was answered: ``OK`` if it finds, ``UNKNOWN`` if that could not be seen."""

    verdict: Verdict
    how: str


def beside(fhir: Enumeration) -> list[Params]:
    """Give what the job puts beside the date, for some of those that the settings list, and for one of them alone.

    Where the job puts nothing there, or asks a Group or List for its members, that is nothing.
    """
    some = _listed(fhir)
    by = fhir.asked_by()
    if by is None or not some:
        return [()]
    return [((by.kind.lower(), written(by.kind, ids)),) for ids in (some, some[:1])]


def ways(asker: Asker, sample: Sample, references: References, fhir: Enumeration) -> Iterator[Finding]:
    """Tell whether Appointments can be asked for so; it matters where the settings, or a refusal, make it matter."""
    for name, kind, parameter in _WAYS:
        answered = _asked_by(asker, sample, kind, sample.actors(kind, references), _listed(fhir))
        if fhir.appointments == f"by-{parameter}":
            yield _chosen(name, answered, parameter)
        elif fhir.appointments != "by-date" or isinstance(sample.first_page, Page):
            yield ok(name, answered.how, f"Not needed: the window is read {fhir.appointments.replace('-', ' ')}.")
        elif answered.verdict is Verdict.ERROR:
            step = "Ask the server's vendor for one of the three: by date, by location or by patient."
            yield warning(name, answered.how, "The window cannot be read so either.", step)
        else:
            step = f'Set fhir.appointments = "by-{parameter}", and list the {parameter}s in the settings.'
            yield ok(name, answered.how, "The window can be read so, since it is refused by date alone.", step)


def _chosen(name: Behaviour, answered: _Answered, parameter: str) -> Finding:
    meaning = "The window is read so, as fhir.appointments says."
    if answered.verdict is Verdict.OK:
        return ok(name, answered.how, meaning)
    if answered.verdict is Verdict.UNKNOWN:
        return unknown(name, answered.how, meaning, NO_VISIT)
    return error(
        name,
        answered.how,
        "The window is read so, as fhir.appointments says, and the job would stop or find nobody.",
        f"Ask the server's vendor: Appointment's search parameter {parameter}; or choose another fhir.appointments.",
    )


def _listed(fhir: Enumeration) -> list[str]:
    by = fhir.asked_by()
    return list(islice(by.read(), _SOME)) if isinstance(by, Listed) else []


def _asked_by(asker: Asker, sample: Sample, kind: Kind, actors: Sequence[str], listed: Sequence[str]) -> _Answered:
    after, before = around(sample.starts[0]) if sample.starts else (FAR_OFF, FAR_OFF + timedelta(days=1))
    narrow, parameter = window(after, before), kind.lower()
    stranger = (parameter, written(kind, [lists.nobody()]))
    page = asker.search("Appointment", stranger, *narrow, ONE)
    how = "answered"
    if isinstance(page, Refusal) and kind == "Patient":
        page, narrow, how = asker.search("Appointment", stranger, ONE), (), "answered without a date beside it"
    if isinstance(page, Refusal):
        return _Answered(Verdict.ERROR, "refused")
    if page.matches:
        return _Answered(Verdict.ERROR, "ignored: everybody's are given")
    for one in (*actors[:1], *listed[:_FEW]):
        found = asker.search("Appointment", (parameter, written(kind, [one])), *narrow, ONE)
        if isinstance(found, Page) and found.matches:
            return _Answered(Verdict.OK, f"{how}, and finds")
    if actors and narrow:
        return _Answered(Verdict.ERROR, f"{how}, but does not find one that exists")
    return _Answered(Verdict.UNKNOWN, f"{how}; whether it finds is not known")
