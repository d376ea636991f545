"""Trials of what a server does beside what it is asked for: versions, unknown parameters, and other ways to search."""

from collections.abc import Iterator
from datetime import timedelta

from fhirnotify.fhir.bundle import Page, Resource
from fhirnotify.fhir.references import References
from fhirnotify.harness.probing import lists
from fhirnotify.harness.probing.asking import ONE, Asker, Refusal, around, window
from fhirnotify.harness.probing.finding import Behaviour, Finding, ok, unknown, warning
from fhirnotify.harness.probing.sample import FAR_OFF, NO_VISIT, Sample

_NO_SUCH = ("fhirnotify-probe", "x")
_EVIDENCE = "Evidence names the very versions that a decision rests on."
_OTHER_WAYS = (
    (Behaviour.BY_PATIENT, "Patient", "patient"),
    (Behaviour.BY_LOCATION, "Location", "location"),
)


def versions(asker: Asker, sample: Sample) -> Finding:
    """Tell whether resources say their version, in themselves and in the ETag of a read."""
    name = Behaviour.VERSIONS
    if not asker.seen:
        return unknown(name, "no resource was seen", _EVIDENCE, NO_VISIT)
    lacking = [resource_type for resource_type, seen in asker.seen.items() if _version(seen) is None]
    tag = _etag(asker, sample)
    if lacking:
        meaning = "Evidence names such resources without their version: what they said then cannot be shown."
        step = "Ask the server's vendor for meta.versionId."
        return warning(name, f"meta.versionId is missing in {', '.join(lacking)}; {tag}", meaning, step)
    return ok(name, f"meta.versionId in {', '.join(asker.seen)}; {tag}", _EVIDENCE)


def _etag(asker: Asker, sample: Sample) -> str:
    if not sample.known:
        return "no Appointment to read for an ETag"
    known = sample.known[0]
    tag = asker.etag("Appointment", known["id"])
    if tag is None:
        return "no ETag"
    if isinstance(tag, Refusal):
        return "a single read is refused"
    return "the ETag agrees" if tag.strip() == f'W/"{_version(known)}"' else "the ETag says otherwise"


def _version(resource: Resource) -> str | None:
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) and version else None


def unknown_parameters(asker: Asker) -> Iterator[Finding]:
    """Tell what becomes of a parameter that nobody knows, and whether strict handling changes it."""
    far = (*window(FAR_OFF, FAR_OFF + timedelta(days=1)), ONE)
    loose = asker.search("Appointment", *far, _NO_SUCH)
    checked = "Every filter is applied again to what comes, so nothing follows for the job."
    strict = Behaviour.STRICT
    if isinstance(loose, Refusal):
        yield ok(Behaviour.UNKNOWN_PARAMETER, "refused", "A filter that the server does not know cannot go unnoticed.")
        yield ok(strict, "not needed: refused without it, too", "The job does not ask for it.")
        return
    yield ok(Behaviour.UNKNOWN_PARAMETER, "ignored, and everything else is answered", checked)
    if isinstance(asker.search("Appointment", *far, _NO_SUCH, strict=True), Refusal):
        yield ok(strict, "honoured", "The job does not ask for it: it would make hints such as _total a refusal.")
    else:
        yield ok(strict, "ignored", checked)


def other_ways(asker: Asker, sample: Sample, references: References) -> Iterator[Finding]:
    """Tell whether Appointments can be asked for by patient and by location, where by date is not enough."""
    by_date = isinstance(sample.first_page, Page)
    for name, resource_type, parameter in _OTHER_WAYS:
        known = sample.actors(resource_type, references)
        found = _asked_by(asker, sample, f"{resource_type}/", parameter, known[0] if known else None)
        if by_date:
            yield ok(name, found or "refused", "Not needed: the window is read by date.")
        elif found:
            step = f'Set fhir.appointments = "by-{parameter}", and name the {parameter}s there.'
            yield ok(name, found, "The window can be read so.", step)
        else:
            step = "Ask the server's vendor for one of the three: by date, by location or by patient."
            yield warning(name, "refused", "The window cannot be read so either.", step)


def _asked_by(asker: Asker, sample: Sample, prefix: str, parameter: str, known: str | None) -> str | None:
    """Say how a search by one actor and a window is answered; None if it is refused."""
    after, before = around(sample.starts[0]) if sample.starts else (FAR_OFF, FAR_OFF + timedelta(days=1))
    narrow = window(after, before)
    stranger = asker.search("Appointment", *narrow, (parameter, prefix + lists.nobody()), ONE)
    if isinstance(stranger, Refusal):
        return None
    if stranger.matches:
        return "answered, but ignored: everybody's are given"
    if known is None:
        return "answered; whether it finds is not known"
    page = asker.search("Appointment", *narrow, (parameter, prefix + known), ONE)
    finds = isinstance(page, Page) and bool(page.matches)
    return "answered, and finds" if finds else "answered, but does not find one that exists"
