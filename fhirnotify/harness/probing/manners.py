"""Trials of what a server does beside what it is asked for: versions, and parameters that nobody knows."""

from collections.abc import Iterator
from datetime import timedelta

from fhirnotify.fhir.bundle import Resource
from fhirnotify.harness.probing.asking import ONE, Asker, Refusal, window
from fhirnotify.harness.probing.finding import Behaviour, Finding, ok, unknown, warning
from fhirnotify.harness.probing.sample import FAR_OFF, Sample

_NO_SUCH = ("fhirnotify-probe", "x")
_VENDOR = "Ask the server's vendor what becomes of a search parameter that the server does not know."
_EVIDENCE = "Evidence names the very versions that a decision rests on."


def versions(asker: Asker, sample: Sample) -> Finding:
    """Tell whether resources say their version, in themselves and in the ETag of a read."""
    name = Behaviour.VERSIONS
    if not asker.seen:
        return unknown(name, "no resource was seen", _EVIDENCE, sample.would_tell)
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
    loose = asker.visits(*far, _NO_SUCH)
    checked = "Every filter is applied again to what comes, so nothing follows for the job."
    strict = Behaviour.STRICT
    if isinstance(loose, Refusal) and isinstance(asker.visits(*far), Refusal):
        for name in (Behaviour.UNKNOWN_PARAMETER, strict):
            yield unknown(name, "refused without one, too: the window is too far off", checked, _VENDOR)
        return
    if isinstance(loose, Refusal):
        yield ok(Behaviour.UNKNOWN_PARAMETER, "refused", "A filter that the server does not know cannot go unnoticed.")
        yield ok(strict, "not needed: refused without it, too", "The job does not ask for it.")
        return
    yield ok(Behaviour.UNKNOWN_PARAMETER, "ignored, and everything else is answered", checked)
    if isinstance(asker.visits(*far, _NO_SUCH, strict=True), Refusal):
        yield ok(strict, "honoured", "The job does not ask for it: it would make hints such as _total a refusal.")
    else:
        yield ok(strict, "ignored", checked)
