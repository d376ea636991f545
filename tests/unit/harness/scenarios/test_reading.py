"""Scenario files, right and wrong."""

from pathlib import Path

import pytest

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.scenarios import model
from fhirnotify.harness.scenarios.reading import WrongScenario, bundled, read, read_all, schema

LEAST = """\
shows: A deny in force silences a patient.
promise: consent-or-silence
resources:
  - patient: p
  - consent: c
    decision: deny
  - appointment: a
expect:
  - skip: consent-denied
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the path of a scenario file that is yet to be written."""
    return tmp_path / "it.yaml"


def test_what_is_not_written_is_ordinary(file):
    """The smallest scenario: one patient's Consent, one visit at the mottagning, one run, in both FHIR versions."""
    file.write_text(LEAST)
    scenario = read(file)
    patient, consent, appointment = scenario.resources
    assert isinstance(patient, model.Patient)
    assert (consent.of, consent.decision, consent.codes) == ("p", "deny", ("ours",))
    assert (appointment.patients, appointment.at, appointment.kind) == (("p",), "now+24h", ContactType.MOTTAGNING)
    (row,) = scenario.expect
    assert (row.appointment, row.patient, row.skip) == ("a", "p", Reason.CONSENT_DENIED)
    assert (scenario.fhir, len(scenario.steps), scenario.steps[0].exit) == (tuple(FhirVersion), 1, 0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("consent-or-silence", "consent-or-silenc", "2: promise cannot be consent-or-silenc; did you mean consent-or"),
        ("decision: deny", "decison: deny", "6: resources.1.decison is no key here; did you mean decision?"),
        ("decision: deny", "made: yesterday", "6: resources.1.made is no moment: write it as now+24h"),
        ("decision: deny", "decision: no", "6: resources.1.decision cannot be no: one of permit, deny"),
        ("patient: p", "Patient: p", "4: resources.0 needs resourceType; or begin with patient:"),
        ("skip: consent-denied", "skip: denied", "9: expect.0.skip cannot be denied; did you mean consent-denied?"),
        ("skip: consent-denied", "{skip: no-consent, remind: video}", "9: expect.0 says one of remind, skip and"),
        ("skip: consent-denied", "{skip: no-consent, taken: true}", "9: expect.0 only a remind row knows the text"),
        ("  - skip: consent-denied", "  anything", "1: the file expects nothing, and so cannot fail"),
        ("promise:", "settings: {ledger: {url: x}}\npromise:", "2: settings no section ledger here"),
        ("promise:", "settings: {fhir: {base_url: x}}\npromise:", "2: settings fhir.base_url is not a scenario's"),
        (
            "promise:",
            "settings: {sms: {46elks: {base_url: x}}}\npromise:",
            "2: settings sms.46elks is not a scenario's",
        ),
        (
            "promise:",
            "steps: [{provider: [throtle]}]\npromise:",
            "2: steps.0.provider.0 cannot be throtle; did you mean",
        ),
        ("promise:", "steps: [{fault: nix}]\npromise:", "2: steps.0.fault cannot be nix"),
        ("promise:", "steps: [{at: now@29:00}]\npromise:", "2: steps.0.at is no moment"),
        ("promise:", "time: '29:00'\npromise:", "2: time "),
        (
            "promise:",
            "steps: [{remove: [Consent/typo]}]\npromise:",
            "1: the file takes Consent/typo away, which it never",
        ),
        (
            "skip: consent-denied",
            "already: delivred",
            "9: expect.0.already cannot be delivred; did you mean delivered?",
        ),
        ("promise:", "steps: [{at: now, kill: 0}]\npromise:", "2: steps.0.kill must be greater than or equal to 1"),
        ("promise: consent-or-silence\n", "", "1: promise is missing"),
        ("decision: deny", "with: {id: zz}", "6: resources.1.with cannot have id: write the resource in full"),
        ("decision: deny", "with R5: {resourceType: Patient}", "6: resources.1.with R5 cannot have resourceType"),
        ("decision: deny", "with: {meta: hello}", "6: resources.1.with cannot have a meta that is no object"),
        ("decision: deny", "with: {meta: {tag: x}}", "6: resources.1.with cannot have a meta.tag that is no list"),
        ("decision: deny", "with: {participant: 1}", "6: resources.1.with cannot have a participant that is no list"),
        ("decision: deny", "with: {a: ['${now+99999y}']}", "6: resources.1.with is no moment: now+99999y lies beyond"),
        ("decision: deny", "made: now+9999y", "6: resources.1.made is no moment: now+9999y lies beyond the years"),
        ("decision: deny", "made: now-999999d", "6: resources.1.made is no moment: now-999999d lies beyond"),
        ("patient: p", "{resourceType: ../x, id: p}", "4: resources.0 has a resourceType that is none"),
        ("patient: p", "{resourceType: Patient, id: ../x}", "4: resources.0 has an id that is none"),
        ("patient: p", f"{{resourceType: Patient, id: {'x' * 300}}}", "4: resources.0 has an id that is none"),
        ("patient: p", "{resourceType: Patient, id: p, meta: null}", "4: resources.0 cannot have meta: null"),
        ("promise:", "settings: {fhir: {auth.kind: bearer}}\npromise:", "2: settings.fhir.auth.kind is no name of a"),
        ("promise:", "settings:\n  reminder:\n    lead: null\npromise:", "4: settings.reminder.lead cannot be set so"),
        ("promise:", "settings: {message: {words: {x: {y: 1}}}}\npromise:", "2: settings.message.words cannot be set"),
        ("skip: consent-denied", "{already: accepted, text: x}", "9: expect.0 cannot say text: the provider takes"),
        ("skip: consent-denied", "{skip: consent-denied, to: x}", "9: expect.0 cannot say to: the provider takes"),
        ("skip: consent-denied", "{remind: video, outcome: held, name: x}", "9: expect.0 cannot say name"),
        ("skip: consent-denied", "{remind: video, text: x, name: x}", "9: expect.0 cannot say name beside text"),
        ("skip: consent-denied", "{already: accepted, outcome: held}", "9: expect.0 says its state by already alone"),
        ("skip: consent-denied", "{remind: video, text: '${now+9999y}'}", "9: expect.0.text is no moment"),
        ("promise:", "steps: [{kill: 1, command: plan}]\npromise:", "2: steps.0 cannot kill a plan"),
        ("promise:", "steps: [{kill: 1, exit: 6}]\npromise:", "2: steps.0 cannot say exit or complete of a run that"),
        ("resources:", "base: nowhere.yaml\nresources:", "nowhere.yaml cannot be read: No such file"),
        ("resources:", "resources: [", "expected"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(file, old, new, said):
    """A finding names the file, the line and the key, and what was probably meant."""
    assert old in LEAST
    file.write_text(LEAST.replace(old, new))
    with pytest.raises(WrongScenario) as wrong:
        read(file)
    assert said in wrong.value.what
    assert "pydantic" not in wrong.value.what


def test_every_wrong_file_is_told_at_once(tmp_path):
    """One reading mends them all."""
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text("shows: it\n")
    with pytest.raises(WrongScenario) as wrong:
        read_all(tmp_path)
    assert all(f"{name}.yaml:1" in wrong.value.what for name in ("one", "two"))


def test_a_base_holds_where_the_file_is_silent(tmp_path):
    """Keys of the base are taken as a whole; it is no scenario itself."""
    (tmp_path / "world.yaml").write_text(LEAST)
    (tmp_path / "it.yaml").write_text("base: world.yaml\nshows: The same at another time.\ntime: '22:00'\n")
    found = read_all(tmp_path)
    assert found.keys() == {"it"}
    assert (found["it"].time, len(found["it"].resources), found["it"].promise) == ("22:00", 3, "consent-or-silence")


def test_what_is_wrong_in_a_base_is_told_of_the_base(tmp_path):
    """It has the name of its file and its line there; what the file itself lacks is told of the file."""
    (tmp_path / "world.yaml").write_text(LEAST.replace("decision: deny", "decison: deny"))
    (tmp_path / "it.yaml").write_text("base: world.yaml\nshows: short\n")
    with pytest.raises(WrongScenario) as wrong:
        read(tmp_path / "it.yaml")
    assert f"{tmp_path}/world.yaml:6: resources.1.decison is no key here" in wrong.value.what
    assert f"{tmp_path}/it.yaml:2: shows " in wrong.value.what


@pytest.mark.parametrize(("base", "said"), [("- a list", "2: base world.yaml holds no keys"), (None, "cannot be read")])
def test_a_base_that_is_none(tmp_path, base, said):
    """What holds no keys, and what is not there, is told."""
    if base:
        (tmp_path / "world.yaml").write_text(base)
    (tmp_path / "it.yaml").write_text(LEAST.replace("promise:", "base: world.yaml\npromise:"))
    with pytest.raises(WrongScenario, match=said):
        read(tmp_path / "it.yaml")


def test_a_base_whose_name_no_file_can_have(file):
    """It is told as any other that cannot be read."""
    file.write_text(f'base: "\\0"\n{LEAST}')
    with pytest.raises(WrongScenario, match="cannot be read: it is no name"):
        read(file)


def test_an_exact_name_chooses_though_it_looks_like_a_pattern(tmp_path):
    """A file may have brackets in its name."""
    (tmp_path / "a[1].yaml").write_text(LEAST)
    assert list(read_all(tmp_path, ["a[1]"])) == ["a[1]"]


def test_names_and_patterns(tmp_path):
    """A name is the path below the directory; a pattern that fits none, also beside others, is told with the nearest."""
    (tmp_path / "consent").mkdir()
    for name in ("consent/deny", "consent/permit", "plain"):
        (tmp_path / f"{name}.yaml").write_text(LEAST)
    assert list(read_all(tmp_path)) == ["consent/deny", "consent/permit", "plain"]
    assert list(read_all(tmp_path, ["consent/*", "*/deny"])) == ["consent/deny", "consent/permit"]
    with pytest.raises(WrongScenario, match=r"no scenario .*The nearest: consent/deny"):
        read_all(tmp_path, ["plain", "consent/deni"])


def test_a_directory_without_scenarios(tmp_path):
    """Nothing to play is no success."""
    with pytest.raises(WrongScenario, match="no scenario"):
        read_all(tmp_path)


def test_the_schema_beside_the_scenarios_is_of_this_form():
    """Editors are told by the file what the program is told by its model."""
    assert (bundled() / "scenario.schema.json").read_text("utf-8") == schema()


def test_every_bundled_scenario_can_be_read():
    """At least 80 of them, covering every reason and every promise."""
    found = read_all(bundled())
    assert len(found) >= 80
    steps = [step for each in found.values() for step in each.steps]
    expected = [each.expect for each in found.values()] + [step.expect for step in steps]
    rows = [row for one in expected if isinstance(one, tuple) for row in one]
    assert {row.skip for row in rows} - {None} == set(Reason)
    assert {promise for each in found.values() for promise in each.promises} == set(model.Promise.__args__)
    assert len({each.shows for each in found.values()}) == len(found)
