"""Several machines on one ledger, one journal and one provider, for tests of runs at the same time."""

from dataclasses import replace

from journal import Desk, Journal

from fhirnotify.ledger.memory import MemoryLedger


class Shared(MemoryLedger):
    """A ledger that several runs may hold: none of them takes the others for dead."""

    shared = True

    def begin(self, run, at):
        if run not in self._runs:
            self._runs[run] = None


def two_machines():
    """Give two of them."""
    first = Desk(journal=Journal(page_size=1))
    first.ledger = Shared(first.watch.real)
    second = Desk(journal=first.journal, gateway=first.gateway, watch=first.watch)
    second.ledger = first.ledger
    return first, second


def of_one_patient(desk):
    """Give the second booking as one of the first one's patient."""
    first, second = (desk.journal.appointments_by[each] for each in ("a1", "a2"))
    return replace(second, attendances=first.attendances)
