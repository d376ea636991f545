"""Trials of the searches for Appointments, Patients and Consents by whom or what they are about."""

from collections.abc import Iterator

from fhirnotify.fhir.bundle import Page
from fhirnotify.fhir.capability import Capability
from fhirnotify.fhir.references import References
from fhirnotify.harness.probing import lists
from fhirnotify.harness.probing.asking import ONE, TOTAL, Asker, Refusal
from fhirnotify.harness.probing.finding import Behaviour, Finding, Verdict, error, ok, unknown, warning
from fhirnotify.harness.probing.sample import Sample

_REPLACED = "Patient:link"
_REVINCLUDE = ("_revinclude", _REPLACED)
_NOBODY = "urn:fhirnotify:probe|nobody"
_SOME = 5
"""Patients of visits that are looked for: one of them could be a record that is withheld or gone."""
_NO_CONSENT = "Probe again when a patient with a visit in the next days has a Consent on the server."
_ALL_READ = "Every chunk of the list may read all there is: right, since each is checked, but slow."


def people(asker: Asker, sample: Sample, capability: Capability, references: References) -> Iterator[Finding]:
    """Try every search that a pass makes beside its window."""
    appointments = [one["id"] for one in sample.known[:1]]
    patients = sample.actors("Patient", references)
    replaced = _replaced(asker, capability)
    also = (_REVINCLUDE,) if replaced.verdict is Verdict.OK else ()
    yield _by_id(asker, sample, Behaviour.BY_ID, "Appointment", appointments)
    yield _by_id(asker, sample, Behaviour.PATIENTS, "Patient", patients[:_SOME], *also)
    yield _by_identifier(asker, sample)
    yield replaced
    yield _consents(asker, patients)
    yield _consents_by_identifier(asker)


def _by_id(
    asker: Asker, sample: Sample, name: Behaviour, resource_type: str, known: list[str], *also: tuple[str, str]
) -> Finding:
    """Tell whether resources are found by a list of their ids."""
    listed = lists.ask(asker, resource_type, "_id", known, *also)
    if finding := _too_short(name, resource_type, "_id", listed):
        return finding
    if lists.finds(asker, resource_type, "_id", lists.nobody()):
        return warning(name, "ignored: an id that nobody has finds others", _ALL_READ, _vendor(resource_type, "_id"))
    if not known:
        found = f"lists of {lists.LONGEST} are answered; whether they find is not known"
        return unknown(name, found, _facts(resource_type), sample.would_tell)
    if listed.matches:
        return ok(name, f"found, last in a list of {lists.LONGEST}", _facts(resource_type))
    if any(lists.finds(asker, resource_type, "_id", id_) for id_ in known):
        found = f"a list of {lists.LONGEST} is not read to its end"
        return error(name, found, "Some would be taken for gone, and nobody reminded.", _vendor(resource_type, "_id"))
    found = "one that exists is not found"
    if resource_type == "Patient":
        step = "Ask whether this account may read every Patient that has an Appointment."
        return warning(name, found, "Such visits are skipped, as patient-unreadable.", step)
    return error(name, found, "No visit could be read anew before sending.", _vendor(resource_type, "_id"))


def _facts(resource_type: str) -> str:
    return {
        "Appointment": "Each visit is read anew before its reminder is sent.",
        "Patient": "Names and numbers are read in chunks.",
    }[resource_type]


def _too_short(name: Behaviour, resource_type: str, parameter: str, listed: lists.Listed) -> Finding | None:
    if listed.refusal is None:
        return None
    found = f"lists of {listed.size} at most: {listed.refusal.what}" if listed.size else listed.refusal.what
    meaning = f"The job asks for {lists.LONGEST} at once, and would stop." if listed.size else "The job would stop."
    return error(name, found, meaning, _vendor(resource_type, parameter))


def _vendor(resource_type: str, parameter: str) -> str:
    return f"Ask the server's vendor: {resource_type}'s search parameter {parameter}, with {lists.LONGEST} values."


def _by_identifier(asker: Asker, sample: Sample) -> Finding:
    """Tell whether Patients are found by business identifier, without using anybody's."""
    name = Behaviour.IDENTIFIER
    page = asker.search("Patient", ("identifier", _NOBODY), ONE, TOTAL)
    step = "Ask the server's vendor: Patient's search parameter identifier."
    if isinstance(page, Refusal):
        meaning = "A run stops at the first visit that names its patient by number instead of by record."
        return warning(name, page.what, meaning, step)
    if page.matches or page.total:
        return warning(name, "ignored: an identifier that nobody has finds others", _ALL_READ, step)
    meaning = "Whom a visit names by number alone is looked up so."
    if "Patient" not in asker.seen:
        return unknown(name, "answered; whether it finds is not known", meaning, sample.would_tell)
    return ok(name, "answered; one that nobody has finds nobody", meaning)


def _replaced(asker: Asker, capability: Capability) -> Finding:
    """Tell whether records that were merged into others come along with those."""
    name = Behaviour.REPLACED
    page = asker.search("Patient", ("_id", lists.nobody()), _REVINCLUDE, ONE)
    said, answered = _REPLACED in capability.types["Patient"].rev_includes, isinstance(page, Page)
    blind = "Merges that only the old record tells of are not seen: its Consent, a no among them, does not count."
    if said and answered:
        return ok(name, f"_revinclude={_REPLACED} is offered", "Records merged into a patient's are read with it.")
    if said:
        step = "Ask the server's vendor: answer it, or take it out of the CapabilityStatement."
        return error(name, f"_revinclude={_REPLACED} is promised, but refused", "The job would stop.", step)
    found = "answered, but not in the CapabilityStatement" if answered else "not offered"
    step = f"Ask the server's vendor for it, and to list it as Patient's searchRevInclude: {_REPLACED}."
    return warning(name, f"_revinclude={_REPLACED} is {found}", blind, step)


def _consents(asker: Asker, patients: list[str]) -> Finding:
    """Tell whether Consents are found by a list of their patients."""
    name = Behaviour.CONSENTS
    listed = lists.ask(asker, "Consent", "patient", patients, prefix="Patient/")
    if finding := _too_short(name, "Consent", "patient", listed):
        return finding
    if lists.finds(asker, "Consent", "patient", f"Patient/{lists.nobody()}"):
        found = "ignored: a patient that does not exist has Consents"
        return warning(name, found, _ALL_READ, _vendor("Consent", "patient"))
    if listed.matches:
        return ok(name, f"found, last in a list of {lists.LONGEST}", "Consents are read in chunks, each checked.")
    found = f"lists of {lists.LONGEST} are answered; whether they find is not known"
    return unknown(name, found, "Without a Consent that is found nobody is reminded.", _NO_CONSENT)


def _consents_by_identifier(asker: Asker) -> Finding:
    """Tell whether Consents are found that name their patient by number."""
    name, asked = Behaviour.CONSENT_IDENTIFIER, "patient:identifier"
    page = asker.search("Consent", (asked, _NOBODY), ONE, TOTAL)
    step = f"Ask the server's vendor: {asked} on Consent; or have every Consent point at the patient's record."
    blind = "Consents that name a patient by number are not seen, a no among them."
    if isinstance(page, Refusal):
        return warning(name, f"{asked} is not offered", blind, step)
    if page.matches or page.total:
        return warning(name, f"{asked} is ignored, so the job does not use it", blind, step)
    if "Consent" not in asker.seen:
        found = f"{asked} is answered; whether it finds is not known"
        return unknown(name, found, "By it Consents that name a patient by number are seen.", _NO_CONSENT)
    return ok(
        name,
        f"{asked} is answered; one that nobody has finds none",
        "Consents that name a patient by number are asked for, too.",
    )
