"""Everything that a run needs, examined part by part. Nothing is sent and nothing is written."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from fhirnotify import access, ledgers, wiring, write_backs
from fhirnotify.addresses import nobody_listens
from fhirnotify.core.message import in_gsm, segments, text_of
from fhirnotify.core.model import ContactType
from fhirnotify.errors import FhirError, FhirnotifyError, SettingsError
from fhirnotify.fhir.auth_scope import lets_write
from fhirnotify.fhir.source import Source
from fhirnotify.harness.probing.finding import Behaviour, Verdict
from fhirnotify.harness.probing.probe import probe
from fhirnotify.ledger.written import NOT_TRIED
from fhirnotify.settings import Settings, load

Part = Literal["settings", "mappings", "template", "fhir", "ledger", "sms", "monitoring"]

_EXAMPLE_NAME = "Maximiliana"
_NOBODY = "fhirnotify-check"
_SHORT = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in one part, and what to mend. ``exit_code`` is 0 unless it is an error."""

    part: Part
    level: Literal["ok", "warning", "error"]
    what: str
    next_step: str = ""
    exit_code: int = 0


def examine(config: Path | None) -> Iterator[Finding]:
    """Examine each part in turn. Wrong settings end it: nothing else can be examined by them."""
    try:
        settings = load(config)
    except SettingsError as error:
        yield _error("settings", error)
        return
    yield Finding("settings", "ok", "every setting is known and valid")
    examinations: tuple[tuple[Part, Callable[[Settings], Iterator[Finding]]], ...] = (
        ("mappings", _mappings),
        ("template", _template),
        ("fhir", _fhir),
        ("ledger", _ledger),
        ("sms", _sms),
        ("monitoring", _monitoring),
    )
    for part, examination in examinations:
        try:
            yield from examination(settings)
        except FhirnotifyError as error:
            yield _error(part, error)


def _error(part: Part, error: FhirnotifyError) -> Finding:
    return Finding(part, "error", error.what, error.next_step, error.exit_code)


def _mappings(settings: Settings) -> Iterator[Finding]:
    findings = wiring.lint_mappings(settings)
    for found in findings:
        code = SettingsError.exit_code if found.severity == "error" else 0
        yield Finding("mappings", found.severity, str(found), found.next_step, code)
    if not any(found.severity == "error" for found in findings):
        codes = len(wiring.rules(settings).kontakttyp)
        yield Finding("mappings", "ok", f"{codes} codes are mapped in {settings.mappings.directory}")


def _template(settings: Settings) -> Iterator[Finding]:
    rules = wiring.rules(settings)
    start = datetime(2026, 11, 24, 9, tzinfo=UTC)
    texts = [text_of(_EXAMPLE_NAME, contact_type, start, rules) for contact_type in ContactType]
    longest = max(segments(text) for text in texts)
    said = f"{longest} segments with a name of {len(_EXAMPLE_NAME)} letters"
    if not all(in_gsm(text) for text in texts):
        yield Finding(
            "template",
            "warning",
            f"a character outside GSM 03.38 makes every message UCS-2: {said}",
            "Write message.template and message.words with letters of GSM 03.38 alone, such as å ä ö é.",
        )
    elif longest > _SHORT:
        yield Finding("template", "warning", said, "Each segment is paid for: shorten message.template.")
    else:
        yield Finding("template", "ok", said)


def _fhir(settings: Settings) -> Iterator[Finding]:
    if settings.fhir.directory is None and not nobody_listens(settings.fhir.base_url):
        yield Finding("fhir", "warning", "patients' data travel unencrypted over http", "Use https in fhir.base_url.")
    if said := access.token_state(settings):
        yield Finding("fhir", "ok", said)
    yield from _scope_to_write(settings)
    with closing(wiring.source(settings)) as source:
        yield from _server(settings) if settings.fhir.directory is None else _directory(settings, source)
        yield from map(_shortcoming, source.shortcomings())


def _scope_to_write(settings: Settings) -> Iterator[Finding]:
    scope = settings.fhir.auth.scope
    if settings.fhir.write_back and scope is not None and not lets_write(scope, "Communication"):
        what = "fhir.auth.scope does not ask for writing Communications, as fhir.write_back needs"
        yield Finding("fhir", "warning", what, "Add system/Communication.cu to it, or what the server calls that.")
    elif settings.fhir.write_back and scope is not None:
        try:
            access.token_state(settings, to_write=True)
        except FhirError as error:
            what = f"the journal system cannot be told of reminders, which are sent all the same: {error.what}"
            yield Finding("fhir", "warning", what, error.next_step)


def _server(settings: Settings) -> Iterator[Finding]:
    """Probe the server, and tell what somebody should know; ``harness probe`` tells the rest."""
    seen: Counter[Verdict] = Counter()
    with closing(wiring.fhir_client(settings)) as client:
        for found in probe(client, settings, datetime.now(UTC)):
            seen[found.verdict] += 1
            said = f"{found.name}: {found.found.rstrip('.')}. {found.meaning}"
            if found.verdict is Verdict.ERROR:
                yield Finding("fhir", "error", said, found.next_step, FhirError.exit_code)
            elif found.verdict is Verdict.WARNING:
                yield Finding("fhir", "warning", said, found.next_step)
            elif found.name is Behaviour.VERSION:
                yield Finding("fhir", "ok", f"{settings.fhir.base_url} speaks {found.found}")
    if seen[Verdict.UNKNOWN]:
        what = f"{seen[Verdict.UNKNOWN]} behaviours could not be tried on what the server has"
        yield Finding("fhir", "ok", what, "fhirnotify harness probe names them.")
    if not seen[Verdict.ERROR]:
        yield Finding("fhir", "ok", "Appointment, Patient and Consent may be searched")


def _directory(settings: Settings, source: Source) -> Iterator[Finding]:
    yield Finding("fhir", "ok", f"{settings.fhir.base_url} speaks FHIR {source.version}")
    source.appointments_by_id([_NOBODY])
    source.patients([_NOBODY])
    source.consents([_NOBODY])
    yield Finding("fhir", "ok", "Appointment, Patient and Consent may be searched")


def _shortcoming(what: str) -> Finding:
    step = "See what fhir.appointments lists; ask the server's vendor for what is not offered."
    return Finding("fhir", "warning", what, step)


def _ledger(settings: Settings) -> Iterator[Finding]:
    yield Finding("ledger", "ok", ledgers.state(settings))
    if settings.fhir.write_back and (left := write_backs.outstanding(settings, datetime.now(UTC))):
        codes = ", ".join(f"{count} {code}" for code, count in left.most_common())
        what = f"the journal system is still to be told of {left.total()} reminders: {codes}"
        if set(left) == {NOT_TRIED}:
            yield Finding("ledger", "ok", what, "Each run and follow-up goes on with it.")
        else:
            step = "No message waits for it, and it is tried again: see fhir.write_back in the README for the codes."
            yield Finding("ledger", "warning", what, step)


def _sms(settings: Settings) -> Iterator[Finding]:
    with closing(wiring.route(settings)) as route:
        for gateway in route.gateways:
            try:
                yield Finding("sms", "ok", gateway.check())
            except FhirnotifyError as error:  # the others are examined all the same
                yield _error("sms", error)


def _monitoring(settings: Settings) -> Iterator[Finding]:
    """Look at who is told; nobody is: a ping would say that a run has begun or ended."""
    watched = settings.monitoring
    if (file := watched.textfile) is not None:
        if os.access(file.parent, os.W_OK | os.X_OK) and not file.is_dir():
            yield Finding("monitoring", "ok", f"each run writes its figures to {file}")
        else:
            step = "Make the directory, and let the account that runs fhirnotify write to it."
            yield Finding("monitoring", "warning", f"{file} cannot be written: nobody would see how runs go", step)
    if watched.ping_url is not None:
        host = urlsplit(watched.ping_url.get_secret_value()).hostname
        yield Finding("monitoring", "ok", f"each run tells {host} that it begins, and how it ends")
    if not watched.expect_appointments:
        step = "Set monitoring.expect_appointments to what a quiet day has at least."
        what = "a journal system that suddenly has no visits would not be noticed"
        yield Finding("monitoring", "ok", what, step)
