"""The composition root: turns settings into ports. The only importer of concrete adapters, each when it is chosen."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from fhirnotify.access import authentication, verification
from fhirnotify.clock import FixedClock, RealClock
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.core.rules import Rules
from fhirnotify.job import Clock, Job, Sending
from fhirnotify.ledger.port import Ledger, Unmapped
from fhirnotify.rows import Reporter
from fhirnotify.settings import Settings
from fhirnotify.sms.route import Route

if TYPE_CHECKING:
    import httpx

    from fhirnotify.fhir.client import Client
    from fhirnotify.fhir.conceptmaps import Finding
    from fhirnotify.fhir.source import Source
    from fhirnotify.follow_up import Asking
    from fhirnotify.outcomes import Read, Reading

ELEMENTS = "elements.toml"


@contextmanager
def job_to_run(
    settings: Settings, report: Reporter, now: datetime | None = None, stop: threading.Event | None = None
) -> Iterator[Job]:
    """Make what a pass in earnest needs; everything is closed afterwards.

    What needs no connection is made first, so that a mistake in it ends the pass before anything is read.

    Raises:
        SettingsError: the mappings or the credentials are wrong.
        LedgerError: the ledger cannot be used.
    """
    known, stop = rules(settings), stop or threading.Event()
    with (
        closing(source(settings, stop)) as journal,
        closing(route(settings)) as providers,
        closing(ledger(settings)) as book,
    ):
        yield Job(journal, known, clock(now), report, book, providers, sending(settings), temporary_ledger, stop)


@contextmanager
def asking(
    settings: Settings, report: Reporter, now: datetime | None = None, stop: threading.Event | None = None
) -> "Iterator[Asking]":
    """Make what following up needs; everything is closed afterwards.

    Raises:
        SettingsError: the credentials are wrong.
        LedgerError: there is no ledger, or it cannot be used.
    """
    from fhirnotify import ledgers  # noqa: PLC0415
    from fhirnotify.follow_up import Asking  # noqa: PLC0415

    with closing(route(settings)) as providers, closing(ledgers.existing(settings)) as book:
        yield Asking(book, providers, sending(settings), clock(now), report, stop or threading.Event())


@contextmanager
def reading(
    settings: Settings,
    told: "Callable[[Read], None]",
    now: datetime | None = None,
    stop: threading.Event | None = None,
    *,
    seconds: float,
) -> "Iterator[Reading]":
    """Make what reading the outcomes of visits needs; everything is closed afterwards.

    Raises:
        SettingsError: the credentials are wrong.
        LedgerError: there is no ledger, or it cannot be used.
    """
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415
    from fhirnotify.ledger.outcomes import LedgerVisits  # noqa: PLC0415
    from fhirnotify.outcomes import Reading  # noqa: PLC0415

    stop, kept = stop or threading.Event(), settings.ledger
    with (
        closing(source(settings, stop)) as journal,
        closing(open_database(kept.url, create=False, read_only=False, patience=5.0)) as database,
    ):
        visits, zone = LedgerVisits(database), settings.reminder.time_zone
        yield Reading(journal, visits, clock(now), zone, kept.retention, told, stop, seconds)


@contextmanager
def job_to_plan(settings: Settings, report: Reporter, now: datetime | None = None) -> Iterator[Job]:
    """Make what a pass without writing or sending needs: no provider, and the ledger only to be read, if there is one.

    Raises:
        SettingsError: the mappings or the credentials are wrong.
        LedgerError: there is a ledger and it cannot be read.
    """
    known = rules(settings)
    with closing(source(settings)) as journal, ledger_to_read(settings) as book:
        yield Job(journal, known, clock(now), report, book, None, sending(settings), temporary_ledger)


def rules(settings: Settings) -> Rules:
    """Give the settings that the rules read, with the mappings.

    Raises:
        SettingsError: a ConceptMap is wrong.
    """
    from fhirnotify.fhir.conceptmaps import load_kontakttyp  # noqa: PLC0415

    times, words = settings.reminder, settings.message.words
    return Rules(
        zone=times.time_zone,
        consent_codes=frozenset(settings.consent.codes),
        kontakttyp=load_kontakttyp(settings.mappings.directory),
        template=settings.message.template,
        words={
            ContactType.MOTTAGNING: words.mottagning,
            ContactType.VIDEO: words.video,
            ContactType.TELEFON: words.telefon,
        },
        lead=times.lead,
        latest=times.latest,
        quiet_from=times.quiet_from,
        quiet_until=times.quiet_until,
        late_booking=times.late_booking,
        combine=settings.consent.combine,
        countries=settings.recipient.countries,
        skip_ages=settings.recipient.skip_ages,
        shared_number=settings.recipient.shared_number,
    )


def sending(settings: Settings) -> Sending:
    """Give the settings that sending goes by."""
    sms = settings.sms
    return Sending(sms.sender, sms.validity, sms.rate, sms.parallel, sms.attempts, sms.timeout, sms.rate_shared)


def clock(now: datetime | None) -> Clock:
    """Give the real clock, or one that stands at ``now``."""
    return RealClock() if now is None else FixedClock(now)


def lint_mappings(settings: Settings) -> "list[Finding]":
    """Find what is wrong with the mappings."""
    from fhirnotify.fhir.mapping_lint import lint  # noqa: PLC0415

    return lint(settings.mappings.directory)


def route(settings: Settings) -> Route:
    """Make the adapters of the SMS providers; nothing is connected yet.

    Raises:
        SettingsError: one cannot work with these settings.
    """
    sms = settings.sms
    if sms.provider == ("outbox",):
        from fhirnotify.sms.outbox import Outbox  # noqa: PLC0415

        return Route([Outbox(sms.outbox.path)])
    from fhirnotify.sms.providers import adapter  # noqa: PLC0415

    connections = 2 * sms.parallel  # what is asked of messages sent before must not keep those to be sent waiting
    gateways = [adapter(p, sms.account(p), timeout=sms.timeout, connections=connections) for p in sms.provider]
    return Route(gateways, failover_on_account_fault=sms.failover_on_account_fault)


def ledger(settings: Settings) -> Ledger:
    """Open the ledger for a run; the first run makes it.

    Raises:
        LedgerError: it cannot be used.
    """
    from fhirnotify.ledger.sql import SqlLedger  # noqa: PLC0415

    return SqlLedger(settings.ledger.url)


def temporary_ledger() -> Ledger:
    """Make an empty ledger on a private temporary database, for claims that are not made in earnest."""
    from fhirnotify.ledger.sql import SqlLedger  # noqa: PLC0415

    return SqlLedger("sqlite://")


@contextmanager
def ledger_to_read(settings: Settings) -> Iterator[Ledger | None]:
    """Open the ledger without changing a byte of it; None if there is none yet.

    Raises:
        LedgerError: there is one, and it cannot be read.
    """
    from fhirnotify.ledger.opening import is_there  # noqa: PLC0415
    from fhirnotify.ledger.sql import SqlLedger  # noqa: PLC0415

    if not is_there(settings.ledger.url):
        yield None
        return
    with closing(SqlLedger(settings.ledger.url, create=False, read_only=True)) as book:
        yield book


def unmapped_codes(settings: Settings) -> list[Unmapped]:
    """Give the codes that the ledger has seen without a mapping; none if there is no ledger yet."""
    with ledger_to_read(settings) as book:
        return book.unmapped() if book else []


def source(settings: Settings, stop: threading.Event | None = None) -> "Source":
    """Make the adapter of the FHIR endpoint; nothing is connected yet. ``stop`` ends its waits between attempts.

    Raises:
        SettingsError: ``elements.toml``, the list of those to ask for, the credentials or the certificates are wrong.
    """
    from fhirnotify.fhir.elements import load_elements  # noqa: PLC0415

    fhir, zone = settings.fhir, settings.reminder.time_zone
    elements = load_elements(settings.mappings.directory / ELEMENTS)
    version = None if fhir.version == "auto" else FhirVersion(fhir.version)
    by = fhir.asked_by()
    if by is not None:
        by.check()
    if fhir.directory is not None:
        from fhirnotify.fhir.directory import DirectorySource  # noqa: PLC0415

        return DirectorySource(fhir.directory, elements, zone, version=version, page_size=fhir.page_size, by=by)
    from tenacity.nap import sleep_using_event  # noqa: PLC0415

    from fhirnotify.fhir.http import HttpSource  # noqa: PLC0415
    from fhirnotify.fhir.translate import translator_for  # noqa: PLC0415

    verify, sleep = verification(settings), sleep_using_event(stop or threading.Event())
    return HttpSource(
        fhir.base_url,
        lambda spoken: translator_for(spoken, fhir.base_url, elements, zone),
        version=version,
        timeout=fhir.timeout,
        page_size=fhir.page_size,
        attempts=fhir.attempts,
        auth=authentication(settings, verify, sleep),
        verify=verify,
        by=by,
        zone=zone,
        sleep=sleep,
    )


def fhir_client(settings: Settings) -> "Client":
    """Make the client of the FHIR endpoint as a pass would, to learn how the server behaves; for http(s) alone.

    Raises:
        SettingsError: the credentials or the certificates are wrong.
    """
    from fhirnotify.fhir.client import Client  # noqa: PLC0415

    fhir, verify = settings.fhir, verification(settings)
    return Client(
        fhir.base_url,
        timeout=fhir.timeout,
        attempts=fhir.attempts,
        auth=authentication(settings, verify),
        verify=verify,
    )


def fhir_writer(settings: Settings) -> "httpx.Client":
    """Make a client that may write to the FHIR endpoint, for the harness alone: a pass has a narrower one.

    Raises:
        SettingsError: the credentials or the certificates are wrong.
    """
    import httpx  # noqa: PLC0415

    from fhirnotify.connecting import surroundings  # noqa: PLC0415

    verify = verification(settings)
    with surroundings():
        return httpx.Client(auth=authentication(settings, verify, to_write=True), verify=verify)
