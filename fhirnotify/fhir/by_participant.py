"""Reading the Appointments of a window from a server that has to be told whose, or where.

Cambio's open API gives the appointments of a patient; Oracle's wants a patient or a location beside the date.
Two things are found out as they are needed, since no CapabilityStatement tells them:

- *Whether several may be asked for at once.* Each is asked for alone until one is found who has a visit. From then on
  a list is asked for that ends with that one, and the visit must be found again; if it is not, or the list is refused,
  each of the list is asked for alone after all. So a server that reads only the first of a list, or takes the whole
  list for one strange id, forgets nobody.
- *Whether date and status may stand beside a patient.* If they are refused, the patient's whole history is asked for,
  page by page, and the window is applied here. A location is never asked for without date.
"""

from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fhirnotify.core.model import Identifier
from fhirnotify.errors import IncompleteRead
from fhirnotify.fhir.bundle import Resource, Seen
from fhirnotify.fhir.client import Params
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.listed import Kind
from fhirnotify.fhir.participants import identifiers_in, named
from fhirnotify.fhir.search import BY_IDENTIFIER
from fhirnotify.fhir.search_values import references, token
from fhirnotify.fhir.source import Appointment


class Ask(Protocol):
    """Makes one search of the window, with or without date and status beside the parameters given."""

    def __call__(
        self, params: Params, keeps: Callable[[Resource], bool], *, dated: bool
    ) -> Iterator[list[Appointment]]:
        """Give page after page of what ``keeps`` says was asked for."""
        ...


NOT_TAKEN = frozenset({400, 422, 501})
"""The statuses with which servers refuse a search for its parameters (Cambio names these three)."""

_PARAMETER = {"Location": "location", "Patient": "patient"}


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit that the server has been seen to find by one participant alone."""

    participant: str
    appointment: str


class ByParticipant:
    """The Appointments of one window, asked for by who or where; each once, whichever searches find it."""

    def __init__(self, kind: Kind, ask: Ask) -> None:
        self.found = False
        """Whether any Appointment has been given."""
        self._kind: Kind = kind
        self._parameter = _PARAMETER[kind]
        self._ask = ask
        self._given = Seen()
        self._known: Visit | None = None
        self._lists = True
        self._dated: bool | None = None if kind == "Patient" else True

    def of(self, ids: Collection[str]) -> Iterator[list[Appointment]]:
        """Give the Appointments of these, page by page, and an empty page after each search that was made.

        Raises:
            IncompleteRead: any of them may be missing, or the server answers with those of others.
        """
        rest = deque(sorted(ids))
        while rest:
            if self._known is None or len(rest) == 1:
                yield from self._alone(rest.popleft())
            else:
                together = [one for one in rest if one != self._known.participant]
                rest.clear()
                if not (yield from self._together(together, self._known)):
                    rest.extend(together)

    def naming(self, identifiers: Collection[Identifier]) -> Iterator[list[Appointment]]:
        """Give those that name their patient by one of these identifiers, from a server that knows that search."""
        asked = frozenset(identifiers)
        params = ((BY_IDENTIFIER, ",".join(sorted(map(token, asked)))),)
        yield from self._new(self._search(params, lambda one: not asked.isdisjoint(identifiers_in(one))))

    def _alone(self, participant: str) -> Iterator[list[Appointment]]:
        answer = _Answer(self._kind, [participant])
        yield from self._asked([participant], answer)
        if self._known is None and self._lists and answer.of_one is not None:
            self._known = Visit(participant, answer.of_one)

    def _together(self, ids: Sequence[str], known: Visit) -> Generator[list[Appointment], None, bool]:
        """Ask for a list; tell whether the server has honoured it."""
        answer = _Answer(self._kind, [*ids, known.participant], known.appointment)
        try:
            yield from self._asked([*ids, known.participant], answer)
        except RefusedError as refusal:
            if refusal.status not in NOT_TAKEN:
                raise
        if answer.expected_came:
            return True
        self._known = None  # asked for alone it tells whether the list was at fault, or the visit is no longer there
        again = _Answer(self._kind, [known.participant], known.appointment)
        yield from self._asked([known.participant], again)
        self._lists = not again.expected_came
        return False

    def _asked(self, ids: Sequence[str], answer: "_Answer") -> Iterator[list[Appointment]]:
        yield from self._new(self._search(((self._parameter, references(self._kind, ids)),), answer.keeps))
        if answer.of_others and not answer.kept:
            raise IncompleteRead(
                f"Asked for Appointments by {self._parameter}, the server gives those of others.",
                f"See whether the server takes notice of the search parameter {self._parameter}"
                " and names each by the id by which it is asked for; else set fhir.appointments to another way.",
            )

    def _search(self, params: Params, keeps: Callable[[Resource], bool]) -> Iterator[list[Appointment]]:
        """Search with date and status, until they are refused the first time that they are tried."""
        if self._dated is not False:
            try:
                yield from self._ask(params, keeps, dated=True)
            except RefusedError as refusal:
                if self._dated or refusal.status not in NOT_TAKEN:
                    raise
            else:
                self._dated = True
                return
        yield from self._ask(params, keeps, dated=False)
        self._dated = False

    def _new(self, pages: Iterable[list[Appointment]]) -> Iterator[list[Appointment]]:
        for page in pages:
            if new := [appointment for appointment in page if self._given.add(appointment.id)]:
                self.found = True
                yield new
        yield []


class _Answer:
    """What one search gave: held against whom it asked for."""

    def __init__(self, kind: Kind, ids: Sequence[str], expected: str | None = None) -> None:
        self.kept = False
        self.of_others = False
        self.of_one: str | None = None
        """An Appointment that names one of them and nobody else of the kind, so that nothing else can have found it."""
        self.expected_came = False
        self._kind: Kind = kind
        self._ids = frozenset(ids)
        self._expected = expected

    def keeps(self, appointment: Resource) -> bool:
        """Tell whether an Appointment is of one of those asked for, as far as can be told."""
        whom = named(appointment, self._kind)
        if whom.clearly_others(self._ids):
            self.of_others = True
            return False
        self.kept = True
        self.expected_came = self.expected_came or appointment["id"] == self._expected
        if len(whom.ids) == 1 and not whom.unclear:
            self.of_one = appointment["id"]
        return True
