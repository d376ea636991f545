"""Scenarios played in a directory, with the real command and a real inbox."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from fhirnotify import assets
from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness import known_limits
from fhirnotify.harness.guest import Run
from fhirnotify.harness.scenarios import junit
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.performance import Site
from fhirnotify.harness.scenarios.playing import BETTER, Played, Player, Status
from fhirnotify.harness.scenarios.targets import Directory
from fhirnotify.harness.seed import RefusedResources


def scenario(**keys) -> Scenario:
    """Build a scenario: by default an ordinary patient is reminded."""
    ordinary = {
        "shows": "It is only a test.",
        "promise": "none-forgotten",
        "resources": [{"patient": "p"}, {"consent": "c"}, {"appointment": "a"}],
        "expect": [{"remind": "mottagning"}],
    }
    return Scenario.model_validate({**ordinary, **keys})


class Picky(Directory):
    """A directory that takes no Patient who is dead, and counts how often it was given something."""

    puts = 0

    def put(self, resources):
        """Refuse the dead."""
        self.puts += 1
        given = list(resources)
        if any("deceasedBoolean" in each for each in given):
            raise RefusedResources("The server refuses 1 resources: Patient/p (422).")
        return super().put(given)


@pytest.fixture
def target(tmp_path: Path) -> Picky:
    """Give an empty directory of FHIR R4."""
    return Picky(tmp_path, FhirVersion.R4)


def play(target, **scenarios) -> dict[str, Played]:
    """Play scenarios by name."""
    player = Player(Site(target, assets.directory("mappings")), 2051, Run.now())
    return {each.name: each for each in player.play(scenarios)}


def test_like_scenarios_share_a_run_and_what_differs_is_found_alone(target):
    """Two that pass and one that does not: each gets its own answer, and everything is taken away."""
    played = play(
        target,
        right=scenario(),
        denied=scenario(
            resources=[{"patient": "p"}, {"consent": "c", "decision": "deny"}, {"appointment": "a"}],
            expect=[{"skip": "consent-denied"}],
        ),
        wrong=scenario(expect=[{"remind": "video"}]),
    )
    assert {name: each.status for name, each in played.items()} == {
        "right": Status.PASSED,
        "denied": Status.PASSED,
        "wrong": Status.FAILED,
    }
    assert "a/p: contact_type is mottagning, not video" in played["wrong"].findings
    assert target.puts == 5  # all, the first of them, the other two, and each of these
    assert [file.name for file in Path(target.base_url.removeprefix("file:")).iterdir()] == ["metadata.json"]


def test_like_scenarios_that_pass_need_one_run(target):
    """No other run is made; one with settings of its own has its own."""
    played = play(target, one=scenario(), two=scenario(), other=scenario(settings={"sms": {"sender": "Region"}}))
    assert all(each.status is Status.PASSED for each in played.values())
    assert target.puts == 2


def test_resources_that_are_not_taken(target):
    """A server that refuses leaves it unknown how the scenario would have gone: that is told, and is not well."""
    dead = [{"patient": "p", "with": {"deceasedBoolean": True}}, {"consent": "c"}, {"appointment": "a"}]
    played = play(target, dead=scenario(resources=dead, expect=[{"skip": "patient-deceased"}], time="11:00"))
    assert played["dead"].status is Status.REFUSED
    assert not played["dead"].is_well


def test_what_cannot_be_played_here(target):
    """Another FHIR version, or a fault where there is no HTTP."""
    played = play(target, r5=scenario(fhir=["R5"]), fault=scenario(steps=[{"fault": "bad-gateway-once"}]))
    assert {each.status for each in played.values()} == {Status.NOT_HERE}
    assert all(each.is_well for each in played.values())


def test_visits_of_nobody_are_not_asked_for_by_patient(target):
    """A list of Patients leads to no visit that names none of them; that one is reminded of is as always."""
    site = Site(target, assets.directory("mappings"), strategy="by-patient")
    nobody = scenario(
        resources=[{"appointment": "a", "of": []}], expect=[{"patient": None, "skip": "patient-unreadable"}]
    )
    played = Player(site, 2051, Run.now()).play({"nobody": nobody, "somebody": scenario()})
    assert {each.name: each.status for each in played} == {"nobody": Status.NOT_HERE, "somebody": Status.PASSED}


def test_known_limits(target, monkeypatch):
    """One that differs as is written down is well; one that passes in spite of it is, too, and it is told."""
    limits = dict.fromkeys([("directory", "differs"), ("directory", "passes")], "it is so")
    monkeypatch.setattr(
        "fhirnotify.harness.scenarios.playing.known_limit",
        lambda software, _version, name, _scenario, _strategy: limits.get((software, name)),
    )
    played = play(target, differs=scenario(expect=[{"remind": "video"}]), passes=scenario())
    assert (played["differs"].status, played["differs"].is_well) == (Status.KNOWN_LIMIT, True)
    assert (played["passes"].status, played["passes"].findings) == (Status.PASSED, (f"{BETTER}: it is so",))


def test_nothing_is_known_of_a_server_that_nobody_has_met():
    """Only what is written down is a limit."""
    assert (
        known_limits.known_limit("Some Server", FhirVersion.R4, "deny-overrides-permit", scenario(), "by-date") is None
    )


def test_steps(target):
    """A moved visit is reminded of anew; a withdrawn Consent silences it; exit codes and the inbox are counted."""
    played = play(
        target,
        steps=scenario(
            steps=[
                {"inbox": 1},
                {"change": [{"appointment": "a", "at": "now+30h"}], "at": "now+1h", "inbox": 2},
                {
                    "change": [{"appointment": "a", "at": "now+40h"}],
                    "remove": ["Consent/c"],
                    "at": "now+2h",
                    "expect": [{"skip": "no-consent"}],
                    "inbox": 2,
                },
                {"command": "plan", "at": "now+2h", "expect": [{"skip": "no-consent"}], "complete": True},
            ]
        ),
        wrong=scenario(steps=[{}, {"at": "now+1h", "expect": [{"already": "undelivered"}], "inbox": 2, "exit": 6}]),
    )
    assert played["steps"].findings == ()
    assert [each.split(":")[0:2] for each in played["wrong"].findings] == [
        ["step 2", " exit code 0, not 6"],
        ["step 2", " a/p"],
        ["step 2", " the provider has taken 1 messages, not 2"],
    ]


def test_a_run_that_is_killed_and_the_next(target):
    """The provider took it and the run was killed before it knew: the next run asks, and nobody is reminded twice."""
    row = {"remind": "mottagning"}
    played = play(
        target,
        killed=scenario(
            steps=[
                {"provider": ["take-and-hang"], "kill": 1, "expect": [row], "inbox": 1},
                {"at": "now+1h", "expect": [{**row, "taken": False}], "inbox": 1},
                {"at": "now+2h", "expect": [{"already": "delivered"}], "inbox": 1},
            ]
        ),
    )
    assert played["killed"].findings == ()


def test_junit(tmp_path, target):
    """Build servers see failures, errors and skips, and text that is no XML does no harm."""
    played = [
        Played("a", scenario(), Status.PASSED, (), 1.5),
        Played("b", scenario(shows="It is \x01 only a test."), Status.FAILED, ("is\x00 <not>",)),
        Played("c", scenario(), Status.REFUSED, ("422",)),
        Played("d\x02", scenario(), Status.NOT_HERE, ("R5\x03",)),
    ]
    chosen = {each.name: each.scenario for each in played}
    junit.write(tmp_path / "out.xml", "http://127.0.0.1/fhir", chosen, played)
    suite = ET.parse(tmp_path / "out.xml").getroot()
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    assert suite.find("testcase/failure").text == "is? <not>"
    with pytest.raises(HarnessError, match="cannot be written"):
        junit.write(tmp_path / "nowhere" / "out.xml", "", chosen, played)


def test_junit_of_a_run_that_was_stopped(tmp_path):
    """What was not played is an error, and so is what stopped the run: no build is green that was cut off."""
    passed = Played("a", scenario(), Status.PASSED)
    chosen = {"a": scenario(), "b": scenario()}
    junit.write(tmp_path / "out.xml", "", chosen, [passed], "The server no longer answers.")
    suite = ET.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("errors")) == ("3", "2")
    errors = {case.get("name"): case.find("error").get("message") for case in suite if case.find("error") is not None}
    assert errors["b"] == "It was not played: the run stopped before."
    assert errors["fhirnotify harness run"] == "The server no longer answers."
