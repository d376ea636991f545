"""What a performance holds against a run beside what the scenario expects: greens that would be false."""

from dataclasses import replace
from pathlib import Path

import pytest

from fhirnotify import assets
from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.guest import Run
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.performance import Site
from fhirnotify.harness.scenarios.playing import Player
from fhirnotify.harness.scenarios.targets import Directory


@pytest.fixture
def play(tmp_path: Path):
    """Play a scenario in a directory, and give what was found."""

    def play(**keys) -> tuple[str, ...]:
        ordinary = {
            "shows": "It is only a test.",
            "promise": "none-forgotten",
            "resources": [{"patient": "p"}, {"consent": "c"}, {"appointment": "a"}],
            "expect": [{"remind": "mottagning"}],
        }
        site = Site(Directory(tmp_path, FhirVersion.R4), assets.directory("mappings"))
        (played,) = Player(site, 2051, Run.now()).play({"it": Scenario.model_validate({**ordinary, **keys})})
        return played.findings

    return play


def test_a_run_that_was_not_killed_does_not_pass_for_one(play):
    """It came to its end before the provider was asked often enough."""
    assert play(steps=[{"kill": 1000}]) == (
        "the run came to its end before the provider was asked 1000 times: nothing was killed",
    )


def test_what_the_provider_is_told_to_do_must_come_to_pass(play):
    """What is left over is named."""
    assert play(steps=[{"provider": ["accept", "hang", "refuse"]}]) == (
        "the provider was not asked for what it does: hang",
        "the provider was not asked for what it does: refuse",
    )


def test_what_is_left_over_is_not_for_later_steps(play):
    """Not even after a run that was killed, of which nobody knows how often it would have asked."""
    steps = [
        {"provider": ["hang", "refuse"], "kill": 1, "inbox": 0, "expect": "anything"},
        {"change": [{"patient": "q"}, {"consent": "d", "of": "q"}, {"appointment": "b", "of": "q"}], "at": "now+1h"}
        | {"inbox": 1, "exit": 6, "expect": "anything"},
    ]
    assert play(steps=steps) == ()


@pytest.mark.parametrize(
    ("doctored", "found"),
    [
        (
            lambda was: replace(was, summary=was.summary | {"sent": 0, "pending": 1}),
            "the summary's sent is 0, and by its rows 1",
        ),
        (lambda was: replace(was, log=was.log + "Påminnelse till Tolvan"), "the log holds a name, which may not leave"),
        (
            lambda was: replace(
                was,
                rows=[
                    row | {"evidence": row["evidence"] | {"patient": f"Patient/{row['patient']}"}} for row in was.rows
                ],
            ),
            "in version none, not 1",
        ),
    ],
)
def test_what_a_run_says_of_itself_is_held(play, monkeypatch, doctored, found):
    """Its counts against its rows, its evidence against what the server has, its log against what may not leave."""
    run = Installation.run
    monkeypatch.setattr(Installation, "run", lambda *args, **options: doctored(run(*args, **options)))
    said = play()
    assert any(found in each for each in said)


def test_what_a_run_leaves_on_disk_is_looked_through(play, monkeypatch):
    """A file that holds a number is named."""
    run = Installation.run

    def leaking(installation: Installation, *args, **options):
        (installation.directory / "trace.txt").write_text("0701740605")
        return run(installation, *args, **options)

    monkeypatch.setattr(Installation, "run", leaking)
    assert play() == ("the file trace.txt holds a number, which may not leave",)
