"""Plays scenarios on a server, and says of each how it went.

Scenarios of one plain run that have their settings and their moment in common are played together, in one run; if
anything is not as expected then, they are halved and played again, down to one, so that what is found is its own.
Each plain run is made twice: the second one may remind nobody.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from fhirnotify.core.answer import Reason
from fhirnotify.harness.faults import NeverActed
from fhirnotify.harness.guest import Run
from fhirnotify.harness.installation import Finished
from fhirnotify.harness.known_limits import known_limit
from fhirnotify.harness.scenarios.calendar import beginning
from fhirnotify.harness.scenarios.model import Patient, Scenario, Step
from fhirnotify.harness.scenarios.performance import Performance, Site
from fhirnotify.harness.scenarios.staging import Stage, Staging
from fhirnotify.harness.seed import RefusedResources

_MOST_STAGED = 10_000
BETTER = "it goes well, though as a rule this server does not let it"
"""What is found of a scenario that passes in spite of a known limit: another release or other settings of a server."""

TOGETHER = 40
"""Scenarios in one run at most: some 150 resources, a few pages."""


class Status(StrEnum):
    """How a scenario went."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"
    """The server does not take its resources, so that nothing is known."""
    KNOWN_LIMIT = "known limit"
    """It differs, as is written down of this server."""
    NOT_HERE = "not here"
    """It cannot be said of this server: another FHIR version, or no HTTP for a fault to act on."""


@dataclass(frozen=True, slots=True)
class Played:
    """How one scenario went.

    Attributes:
        findings: what was not as expected, or why it was not played. Of the scenario's own, invented patients.
        seconds: its share of the time.
        seen: what each run said in the end, those of others in its company included.
    """

    name: str
    scenario: Scenario
    status: Status
    findings: tuple[str, ...] = ()
    seconds: float = 0.0
    seen: tuple[Finished, ...] = ()

    @property
    def is_well(self) -> bool:
        """Tell whether nothing need be done about it."""
        return self.status not in (Status.FAILED, Status.REFUSED)


class Player:
    """Plays scenarios on one server.

    Args:
        site: the server, and how it is read.
        year: in which nobody else has Appointments there.
        run: whose resources they are.
        apart: each scenario in a run of its own.
        number: tells players apart that play at once in one process, each in a year of its own.
    """

    def __init__(self, site: Site, year: int, run: Run, *, apart: bool = False, number: int = 0) -> None:
        self._site = site
        self._year = year
        self._run = run
        self._apart = apart
        self._staged = number * _MOST_STAGED

    def play(self, scenarios: Mapping[str, Scenario]) -> Iterator[Played]:
        """Play them, and give each as soon as it is known how it went.

        Raises:
            FhirError: the server no longer answers.
            HarnessError: it does not give up what was put there.
        """
        here: dict[str, Scenario] = {}
        for name, scenario in scenarios.items():
            if why := self._why_not(scenario):
                yield Played(name, scenario, Status.NOT_HERE, (why,))
            else:
                here[name] = scenario
        for names in self._companies(here):
            yield from self._play({name: here[name] for name in names})

    def _why_not(self, scenario: Scenario) -> str | None:
        version = self._site.target.version
        if version not in scenario.fhir:
            return f"not of FHIR {version}"
        if self._site.faulty is None and scenario.has_faults:
            return "a directory has no HTTP that could fail"
        if self._site.strategy == "by-patient" and _is_of_nobody(scenario):
            return "asked for by patient, a visit of nobody who is known is not found"
        return None

    def _companies(self, scenarios: Mapping[str, Scenario]) -> Iterator[list[str]]:
        """Give the names of those that are played together."""
        companies: dict[str, list[str]] = {}
        for name, scenario in scenarios.items():
            apart = self._apart or not _is_plain(scenario) or self._limit(name, scenario) is not None
            key = name if apart else _circumstances(scenario)
            companies.setdefault(key, []).append(name)
        for names in companies.values():
            yield from (names[at : at + TOGETHER] for at in range(0, len(names), TOGETHER))

    def _play(self, scenarios: Mapping[str, Scenario]) -> Iterator[Played]:
        began = time.monotonic()
        seen: tuple[Finished, ...] = ()
        try:
            found, seen = self._perform(scenarios)
            status = Status.FAILED if found else Status.PASSED
        except RefusedResources as refusal:
            found, status = [refusal.what], Status.REFUSED
        except NeverActed as lack:
            found, status = [lack.what], Status.FAILED
        seconds = time.monotonic() - began
        if len(scenarios) > 1 and found:
            ordered, middle = list(scenarios.items()), len(scenarios) // 2
            yield from self._play(dict(ordered[:middle]))
            yield from self._play(dict(ordered[middle:]))
            return
        for name, scenario in scenarios.items():
            yield self._judged(Played(name, scenario, status, tuple(found), seconds / len(scenarios), seen))

    def _judged(self, played: Played) -> Played:
        """Hold how it went against what is written down of this server."""
        limit = self._limit(played.name, played.scenario)
        if limit is None:
            return played
        if played.status is Status.PASSED:
            return replace(played, findings=(f"{BETTER}: {limit}",))
        return replace(played, status=Status.KNOWN_LIMIT, findings=(limit, *played.findings))

    def _limit(self, name: str, scenario: Scenario) -> str | None:
        target = self._site.target
        return known_limit(target.software, target.version, name, scenario, self._site.strategy)

    def _perform(self, scenarios: Mapping[str, Scenario]) -> tuple[list[str], tuple[Finished, ...]]:
        stagings = [self._staging(name, scenario) for name, scenario in scenarios.items()]
        with TemporaryDirectory(prefix="fhirnotify-harness-") as directory:
            twice = all(map(_is_plain, scenarios.values()))
            performance = Performance(stagings, self._site, Path(directory), twice=twice)
            return performance.play(), tuple(performance.ended)

    def _staging(self, name: str, scenario: Scenario) -> Staging:
        self._staged += 1
        target = self._site.target
        prefix = f"{self._run.prefix}-{self._staged:03}-"
        stage = Stage(
            version=target.version,
            base_url=target.base_url,
            now=beginning(scenario.day, scenario.time, self._year),
            prefix=prefix,
            tags=self._run.tags,
            location=f"{self._run.prefix}-here" if self._site.strategy == "by-location" else None,
        )
        return Staging(name, scenario, stage)


def _is_of_nobody(scenario: Scenario) -> bool:
    """Tell whether it expects a row of a visit to which none of its Patients leads."""
    written = [*scenario.resources, *(each for step in scenario.steps for each in step.change)]
    known = {each.patient for each in written if isinstance(each, Patient)}
    known |= {each["id"] for each in written if isinstance(each, dict) and each["resourceType"] == "Patient"}
    expected = (scenario.expect, *(step.expect for step in scenario.steps))
    rows = [row for each in expected if each is not None and each != "anything" for row in each]
    return any(
        row.skip is Reason.PATIENT_UNREADABLE if row.patient is None else row.patient not in known for row in rows
    )


def _is_plain(scenario: Scenario) -> bool:
    """Tell whether it is one run in which other scenarios make no difference."""
    (first, *more) = scenario.steps
    crowded = scenario.settings.get("recipient", {}).get("shared_number") or scenario.settings.get("monitoring")
    return (
        not more
        and not crowded
        and first.model_copy(update={"expect": None}) == Step()
        and scenario.expect != "anything"
    )


def _circumstances(scenario: Scenario) -> str:
    return scenario.model_dump_json(include={"day", "time", "settings", "mappings"})
