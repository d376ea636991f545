"""The ledger in an SQL database: SQLite, or PostgreSQL for several machines."""

import os
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from fhirnotify.errors import LedgerError
from fhirnotify.ledger import acting, decisions, pace, tables
from fhirnotify.ledger import reminders as store
from fhirnotify.ledger.changes import LEASE, real_time
from fhirnotify.ledger.database import Answer
from fhirnotify.ledger.opening import open_database
from fhirnotify.ledger.port import Change, Claim, KeptVerdict, Reminder, State, Transition, Unmapped, Verdict
from fhirnotify.ledger.records import transition_of
from fhirnotify.ledger.reminders import Lease

_PAGE = 500


class SqlLedger:
    """A ledger at a database URL: ``sqlite:///FILE``, ``postgresql://…``, ``sqlite://`` for one gone when it is closed.

    Args:
        url: where it is. A relative file is relative to the working directory.
        create: make the file with its schema if it is missing or empty.
        read_only: change nothing, not even by files beside it; methods that write raise ``LedgerError``.
        clock: the real time, for leases and ``sending_since``; PostgreSQL has its own, which is one for all machines.
        lease: how long what a run has taken is its own.
        patience: seconds to wait for another run, or for another program that has the file locked.

    Raises:
        SettingsError: the URL is none that the ledger knows.
        LedgerError: the ledger cannot be used; the message says why and what to do.
    """

    def __init__(
        self,
        url: str,
        *,
        create: bool = True,
        read_only: bool = False,
        clock: Callable[[], datetime] = real_time,
        lease: timedelta = LEASE,
        patience: float = 5.0,
    ) -> None:
        self.lease = lease
        self._clock = clock
        self._database = open_database(url, create=create, read_only=read_only, patience=patience)
        self.shared = self._database.shared
        self._known_to_act: set[str] = set()

    def _lease(self, connection: Connection) -> Lease:
        return Lease(self._time(connection), self.lease)

    def _time(self, connection: Connection) -> datetime:
        return self._database.time(connection) or self._clock()

    def _change(self, run: str, at: datetime, work: Callable[[Connection], Answer]) -> Answer:
        """Run ``work`` in a transaction and commit it, and in the same record who it is that acts as ``run``."""

        def change(connection: Connection) -> Answer:
            if run not in self._known_to_act:
                acting.act(connection, run, at)
            return work(connection)

        answer = self._database.write(change)
        self._known_to_act.add(run)
        return answer

    def begin(self, run: str, at: datetime) -> None:
        """Record the run, hold the ledger for it, and make what a dead run left in ``sending`` ``uncertain``."""
        self._database.hold()
        try:
            self._change(run, at, lambda connection: self._begin(connection, run, at))
        except LedgerError:
            self._database.let_go()
            raise

    def _begin(self, connection: Connection, run: str, at: datetime) -> None:
        try:
            host = {"host": socket.gethostname(), "pid": os.getpid()}
            connection.execute(tables.run.insert().values(id=run, begun=at, **host))
        except IntegrityError:
            raise LedgerError(f"The ledger already holds a run {run}.", "Give every run an id of its own.") from None
        store.bring_forward(connection, at)
        if self.shared:
            store.bury_expired(connection, run, at, self._time(connection))
        else:
            store.bury(connection, run, at)

    def finish(self, run: str, at: datetime, summary: dict[str, Any]) -> None:
        """Record the summary, end the leases of the run, and give the ledger free."""

        def finish(connection: Connection) -> None:
            ended = update(tables.run).where(tables.run.c.id == run)
            connection.execute(ended.values(finished=at, summary=summary))
            store.end_leases_of(connection, run)

        self._database.write(finish)
        self._database.let_go()

    def of_appointments(self, appointments: Collection[str]) -> list[Reminder]:
        """Give every reminder of these appointments, in any state."""
        return self._database.read(lambda connection: store.of_appointments(connection, appointments))

    def of_ids(self, reminders: Collection[str]) -> list[Reminder]:
        """Give the reminders with these ids, in any state."""
        return self._database.read(lambda connection: store.of_ids(connection, reminders))

    def at_starts(self, starts: Collection[datetime], patients: Collection[str]) -> list[Reminder]:
        """Give every reminder of these patients at these starts, in any state."""
        return self._database.read(lambda connection: store.at_starts(connection, starts, patients))

    def claim(self, run: str, at: datetime, claims: Sequence[Claim], verdicts: Sequence[Verdict]) -> list[bool]:
        """Claim what nobody holds, and keep the verdicts that differ from the last ones kept, in one commit."""

        def claim(connection: Connection) -> list[bool]:
            answers = store.claim(connection, run, at, claims)
            decisions.keep(connection, run, at, verdicts)
            return answers

        return self._change(run, at, claim)

    def take(self, run: str, at: datetime, limit: int) -> list[Reminder]:
        """Take up to ``limit`` reminders for sending, under a lease, the earliest start first."""
        return self._database.write(lambda connection: store.take(connection, run, at, self._lease(connection), limit))

    def renew(self, run: str) -> None:
        """Let the leases of this run that have not run out last from now."""
        self._database.write(lambda connection: store.renew(connection, run, self._lease(connection)))

    def held(self, run: str, reminders: Collection[str]) -> frozenset[str]:
        """Tell which of these another run has taken, and may be sending now."""
        return self._database.read(lambda connection: store.held(connection, run, self._time(connection), reminders))

    def untouched(self, run: str) -> Iterator[Reminder]:
        """Give what this run claimed and did nothing more with, whatever others did; read a page at a time."""
        last = ""
        while page := self._untouched(run, last):
            yield from page
            last = page[-1].id

    def _untouched(self, run: str, after: str) -> list[Reminder]:
        return self._database.read(lambda connection: store.page_untouched(connection, run, after, _PAGE))

    def release(self, run: str, reminders: Collection[str]) -> None:
        """Give back what was taken but not begun; this run is not given it again."""
        self._database.write(lambda connection: store.release(connection, run, self._time(connection), reminders))

    def move(self, run: str, at: datetime, changes: Sequence[Change]) -> frozenset[str]:
        """Change states, each with its transition; none of them if one is refused. Gives what another run has."""
        if not changes:
            return frozenset()
        return self._change(
            run, at, lambda connection: store.move(connection, run, at, self._lease(connection), changes)
        )

    def in_state(self, state: State, run: str | None = None) -> Iterator[Reminder]:
        """Give reminders in a state, by start, read a page at a time: the caller may change them meanwhile."""
        last: Reminder | None = None
        while page := self._page(state, run, last):
            yield from page
            last = page[-1]

    def _page(self, state: State, run: str | None, after: Reminder | None) -> list[Reminder]:
        return self._database.read(lambda connection: store.page_in_state(connection, state, run, after, _PAGE))

    def to_follow_up(self, due: datetime, limit: int, again: Callable[[Reminder], datetime]) -> list[Reminder]:
        """Give accepted reminders that are to be asked about, the longest due first, and put each off."""
        return self._database.write(lambda connection: store.to_follow_up(connection, due, limit, again))

    def real_time(self) -> datetime:
        """Give the real time by which leases and ``sending_since`` are kept."""
        return self._database.read(self._time)

    def reserve(self, account: str, rate: float, count: int) -> timedelta:
        """Reserve ``count`` moments to speak to a provider's account, apart as ``rate`` says; give the wait."""
        return self._database.write(lambda each: pace.reserve(each, self._time(each), account, rate, count))

    def message_ids(self, since: datetime, until: datetime) -> frozenset[str]:
        """Give the provider's ids of messages whose sending began between these real times, both included."""
        return self._database.read(lambda connection: store.message_ids(connection, since, until))

    def unidentified(self, account: str, since: datetime, until: datetime) -> list[Reminder]:
        """Give what an account has, or may have, under an id that nobody knows; begun between these real times."""
        return self._database.read(lambda connection: store.unidentified(connection, account, since, until))

    def transitions(self, reminder: str) -> list[Transition]:
        """Give what happened to a reminder, oldest first."""
        wanted = select(tables.transition).where(tables.transition.c.reminder == reminder)
        ordered = wanted.order_by(tables.transition.c.id)
        return self._database.read(lambda connection: [transition_of(row) for row in connection.execute(ordered)])

    def verdicts(self, appointment: str) -> list[KeptVerdict]:
        """Give the last verdict kept for each patient of an appointment, by patient."""
        return self._database.read(lambda connection: decisions.of_appointment(connection, appointment))

    def unmapped(self) -> list[Unmapped]:
        """Give the codes seen without a mapping, the most frequent first."""
        return self._database.read(decisions.unmapped)

    def close(self) -> None:
        """Release the ledger, and with it the hold of a run that did not finish."""
        self._database.close()
