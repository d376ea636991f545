"""Puts the trials together: everything that is learned of one server, in the order in which it weighs."""

from collections.abc import Iterator
from datetime import datetime

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError
from fhirnotify.fhir.bundle import Page
from fhirnotify.fhir.capability import TYPES, Capability, read_capability
from fhirnotify.fhir.client import Client
from fhirnotify.fhir.references import References
from fhirnotify.harness.probing import dates, lists, manners, pages, people, sample, ways, writing
from fhirnotify.harness.probing.asking import ONE, Asker, Refusal
from fhirnotify.harness.probing.finding import Behaviour, Finding, Verdict, error, ok, warning
from fhirnotify.settings import Settings

_REFUSES_A_PARAMETER = frozenset({400, 422})


def probe(client: Client, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Learn how a server behaves: by what it says of itself, and by searches that read next to nothing.

    Only reads are made: of ids that nobody has, of windows in 1900 and 2300, of the first page of the job's own window
    (``now`` and ``reminder.lead`` on, ``fhir.page_size`` long), and of single resources in it. After an error in
    ``version`` or ``post-search`` nothing more is tried.

    Args:
        client: the job's own; closing it is the caller's.
        settings: as the job has them.
        now: where the window begins.

    Raises:
        FhirError: the server cannot be reached, or refuses the credentials.
    """
    asker = Asker(client)
    statement = client.metadata()
    capability = _capability(statement)
    version = _version(capability, settings)
    yield version
    if isinstance(capability, FhirError) or version.verdict is Verdict.ERROR:
        return
    post = _post(asker, capability)
    yield post
    if post.verdict is Verdict.ERROR:
        return
    yield from _trials(asker, settings, now, capability)
    yield writing.communications(statement, write_back=settings.fhir.write_back)


def directory(version: FhirVersion) -> Finding:
    """Give the one finding about a directory of files, which has no manners to be learned."""
    found = f"a directory of FHIR JSON, read as {version}: there is nothing to probe"
    return ok(Behaviour.DIRECTORY, found, "It answers as a server that honours every parameter.")


def _trials(asker: Asker, settings: Settings, now: datetime, capability: Capability) -> Iterator[Finding]:
    fhir, references = settings.fhir, References(settings.fhir.base_url)
    taken = sample.take(asker, ways.beside(fhir), now, now + settings.reminder.lead, fhir.page_size)
    page = taken.first_page
    yield dates.by_date(asker, taken, fhir.appointments)
    if isinstance(page, Page):
        yield dates.bounds(asker, taken)
        yield from dates.instants(asker, taken)
        yield dates.status(asker, taken)
        yield from pages.pages(asker, taken, page, fhir.page_size, fhir.timeout)
    yield from ways.ways(asker, taken, references, fhir)
    yield from people.people(asker, taken, capability, references)
    yield manners.versions(asker, taken)
    if isinstance(page, Page):
        yield from manners.unknown_parameters(asker)


def _capability(statement: object) -> Capability | FhirError:
    try:
        return read_capability(statement)
    except FhirError as fault:
        return fault


def _version(capability: Capability | FhirError, settings: Settings) -> Finding:
    """Tell which FHIR the server speaks, and whether it is what the settings say."""
    name = Behaviour.VERSION
    if isinstance(capability, FhirError):
        return error(name, capability.what, "Its resources are not read by any rules known here.", capability.next_step)
    configured = settings.fhir.version
    if configured != "auto" and FhirVersion(configured) is not capability.version:
        return error(
            name,
            f"FHIR {capability.fhir_version}, and fhir.version says {configured}",
            "The job stops rather than misread a Consent.",
            'Set fhir.version to "auto" or to what the server speaks, or fhir.base_url to another endpoint of it.',
        )
    found = f"FHIR {capability.fhir_version}, read as {capability.version}"
    return ok(name, found, "Its Appointments, Patients and Consents can be read.")


def _post(asker: Asker, capability: Capability) -> Finding:
    """Tell whether searches may be made by POST, for each type that is read."""
    name = Behaviour.POST_SEARCH
    refusals = list(_refusals(asker))
    if refusals:
        meaning = "The job searches by POST alone, so that no identifier stands in an address, and would stop."
        found = " ".join(refusal.what for refusal in refusals)
        return error(name, found, meaning, refusals[0].next_step)
    meaning = "No identifier stands in an address that a proxy logs."
    unsaid = [resource_type for resource_type in TYPES if not capability.types[resource_type].searchable]
    if unsaid:
        return warning(
            name,
            f"answered, but not listed as searchable: {', '.join(unsaid)}",
            "The server takes the searches that the job makes, though it does not promise to.",
            "Ask the server's vendor to list search-type for them in the CapabilityStatement.",
        )
    return ok(name, f"answered for {', '.join(TYPES)}", meaning)


def _refusals(asker: Asker) -> Iterator[Refusal]:
    """Give the refusals of POST for each type; one without a status, such as a time that ran out, is enough."""
    for resource_type in TYPES:
        page = asker.search(resource_type, ("_id", lists.nobody()), ONE)
        if isinstance(page, Refusal) and page.status not in _REFUSES_A_PARAMETER:
            yield page
            if page.status is None:
                return
