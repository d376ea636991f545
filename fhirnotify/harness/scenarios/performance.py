"""One performance: scenarios on a server, and the real command, step by step, with a ledger and an inbox of its own."""

import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhirnotify.harness.ending import Ending
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.installation import Finished, Installation
from fhirnotify.harness.resources import CONSENT_CODE, Resource
from fhirnotify.harness.scenarios.accounting import Given, evidence_differences, summary_differences
from fhirnotify.harness.scenarios.comparing import Message, differences, message_differences, messages
from fhirnotify.harness.scenarios.discretion import Secrets, disclosed
from fhirnotify.harness.scenarios.mapping import written
from fhirnotify.harness.scenarios.model import Row, Step
from fhirnotify.harness.scenarios.staging import Staging
from fhirnotify.harness.scenarios.targets import Target
from fhirnotify.settings.appointments import Strategy

Faulty = Callable[[str], AbstractContextManager[str]]
"""Gives the base URL of a proxy in which the named fault acts."""

_POLL_SECONDS = 0.005
_LAST_WORDS = 400
_MAPPINGS = "mappings"
_PATIENTS = "patients.txt"


@dataclass(frozen=True, slots=True)
class Site:
    """What every performance on one server has in common.

    Attributes:
        environment: credentials for the server, as the command takes them.
        strategy: how Appointments are searched.
        mappings: the directory of the mappings under test.
        faulty: puts a fault before the server; None where there is no HTTP for it to act on.
        ending: what is heard while a run is waited for.
    """

    target: Target
    mappings: Path
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    strategy: Strategy = "by-date"
    faulty: Faulty | None = None
    ending: Ending = field(default_factory=Ending)


class EndedByItself(Exception):
    """A run that was to be killed came to its end before."""


class Performance:
    """Scenarios that share an installation; all but one-step ones are alone in theirs.

    Args:
        stagings: the scenarios; of several, the settings and the one step of the first are those of all.
        site: where.
        directory: an empty one, for the installation.
        twice: run once more in the end, and see that nobody is reminded again.
    """

    def __init__(self, stagings: Iterable[Staging], site: Site, directory: Path, *, twice: bool = False) -> None:
        self._stagings = list(stagings)
        self._first = self._stagings[0]
        self._site = site
        self._twice = twice
        self._installation = Installation(directory, site.environment)
        self._inbox = Inbox()
        self._given = Given()
        self.ended: list[Finished] = []
        """What the runs said that came to their end, in order."""

    def play(self) -> list[str]:
        """Play every step; name what was not as expected, and stop at the first step that was not.

        Raises:
            RefusedResources: the server does not take a resource.
            FhirError: the server does not answer.
            NotTakenAway: it does not give up what was put there.
        """
        steps = self._first.scenario.steps
        self._site.ending.heed()
        with self._inbox:
            try:
                self._put([*self._location(), *self._resources()])
                for number, step in enumerate(steps, 1):
                    if found := list(self._step(step)):
                        where = f"step {number}: " if len(steps) > 1 else ""
                        return [where + each for each in found]
                return [f"again: {each}" for each in self._again()] if self._twice else []
            finally:
                self.clear()

    def clear(self) -> None:
        """Take away everything that was put on the server."""
        put = [each for staging in self._stagings for each in staging.ever.values()]
        self._site.target.remove([*self._location(), *put])

    def _put(self, resources: list[Resource]) -> None:
        self._given.add(self._site.target.put(resources))

    def _resources(self) -> list[Resource]:
        return [each for staging in self._stagings for each in staging.put(staging.scenario.resources)]

    def _location(self) -> list[Resource]:
        stage = self._first.stage
        if stage.location is None:
            return []
        return [{"resourceType": "Location", "id": stage.location, "meta": {"tag": list(stage.tags)}}]

    def _step(self, step: Step) -> Iterator[str]:
        if changed := self._first.put(step.change):
            self._put(changed)
        if gone := self._first.taken_away(step.remove):
            self._site.target.remove(gone)
        self._inbox.next(*step.provider)
        before = self._taken()
        try:
            finished = self._run(step)
        except subprocess.TimeoutExpired as late:
            yield f"the run did not end within {late.timeout:.0f} seconds"
            return
        except EndedByItself:
            yield f"the run came to its end before the provider was asked {step.kill} times: nothing was killed"
            return
        unused = self._inbox.exchange.script.lines()
        self._inbox.exchange.script.clear()  # what is left over is not for later steps
        if finished is not None:
            self.ended.append(finished)
            yield from self._as_told(step, finished)
            yield from (f"the provider was not asked for what it does: {each.behaviour}" for each in unused)
        yield from self._disclosed(finished)
        if (rows := self._expected(step)) is not None:
            sent = sum((messages(staging, of) for staging, of in rows), Counter[Message]())
            yield from message_differences(sent, self._taken() - before)
        if step.inbox is not None and step.inbox != len(self._inbox.messages):
            yield f"the provider has taken {len(self._inbox.messages)} messages, not {step.inbox}"

    def _as_told(self, step: Step, finished: Finished) -> Iterator[str]:
        if finished.exit_code != step.exit:
            yield f"exit code {finished.exit_code}, not {step.exit}: {finished.log.strip()[-_LAST_WORDS:]}"
        if step.complete is not None and finished.summary.get("complete") is not step.complete:
            yield f"complete is {finished.summary.get('complete')}, not {step.complete}"
        if step.command != "follow-up":  # whose reasons are why messages did not come
            yield from summary_differences(finished)
        if step.fault is None:  # else a fault may have shown it other versions
            yield from evidence_differences(finished.rows, self._given)
        if (expected := self._expected(step)) is not None:
            yield from _compared(expected, finished)

    def _again(self) -> Iterator[str]:
        """Run again as if nothing had happened, and see that nothing does."""
        before, step = self._taken(), self._first.scenario.steps[-1]
        finished = self._run(step)
        expected = self._expected(step)
        assert finished is not None
        assert expected is not None
        if finished.exit_code != step.exit:
            yield f"exit code {finished.exit_code}, not {step.exit}: {finished.log.strip()[-_LAST_WORDS:]}"
        yield from _compared([(staging, tuple(row.again for row in rows)) for staging, rows in expected], finished)
        yield from summary_differences(finished)
        yield from evidence_differences(finished.rows, self._given)
        yield from message_differences(Counter(), self._taken() - before)
        yield from self._disclosed(finished)

    def _disclosed(self, finished: Finished | None) -> Iterator[str]:
        resources = [each for staging in self._stagings for each in staging.ever.values()]
        secrets = Secrets.of(resources, (message.text for message in self._inbox.messages))
        ours = (self._installation.config.name, _MAPPINGS, _PATIENTS)
        return disclosed(secrets, finished, self._installation.directory, ours)

    def _expected(self, step: Step) -> list[tuple[Staging, tuple[Row, ...]]] | None:
        """Give the rows expected of each scenario; None if anything will do."""
        found = []
        for staging in self._stagings:
            rows = staging.scenario.expect if step.expect is None else step.expect
            if isinstance(rows, str):
                return None
            found.append((staging, rows))
        return found

    def _taken(self) -> Counter[Message]:
        return Counter((message.to, message.text) for message in self._inbox.messages)

    def _run(self, step: Step) -> Finished | None:
        """Run the command; None if it was killed on the way."""
        with self._endpoint(step) as base_url:
            self._installation.configure(*self._settings(base_url))
            now = self._first.moment(step.at)
            with self._site.ending.waiting():
                if step.kill is None:
                    return self._installation.run(now, command=step.command)
                self._kill(self._installation.start(now), step.kill)
                return None

    def _kill(self, process: "subprocess.Popen[str]", nth: int) -> None:
        """End the run without warning when the provider has been asked for the n-th time.

        Raises:
            EndedByItself: it has ended before.
        """
        asked = self._asked()
        try:
            while process.poll() is None and self._asked() - asked < nth:
                time.sleep(_POLL_SECONDS)
        finally:
            process.kill()
            process.communicate()
        if process.returncode != -signal.SIGKILL:
            raise EndedByItself

    def _asked(self) -> int:
        return len(self._inbox.messages) + len(self._inbox.attempts)

    def _endpoint(self, step: Step) -> AbstractContextManager[str]:
        if step.fault is None:
            return nullcontext(self._site.target.base_url)
        assert self._site.faulty is not None  # such scenarios are not played without
        return self._site.faulty(step.fault)

    def _settings(self, base_url: str) -> list[dict[str, dict[str, Any]]]:
        scenario = self._first.scenario
        mappings = self._installation.directory / _MAPPINGS
        if not mappings.exists():
            shutil.copytree(self._site.mappings, mappings)
            written(scenario.mappings, mappings)
        ours: dict[str, dict[str, Any]] = {
            "fhir": {"base_url": base_url, **self._read_by()},
            "consent": {"codes": [CONSENT_CODE]},
            "mappings": {"directory": _MAPPINGS},
            "sms": {"rate": 1000},
        }
        return [ours, self._inbox.settings(), _flat(scenario.settings)]

    def _read_by(self) -> dict[str, Any]:
        """Say how Appointments are searched, and with which ids."""
        if self._site.strategy == "by-location":
            return {"appointments": "by-location", "locations": [self._first.stage.location]}
        if self._site.strategy == "by-patient":
            file = self._installation.directory / _PATIENTS
            ids = [key for staging in self._stagings for kind, key in staging.present if kind == "Patient"]
            file.write_text("".join(f"{each}\n" for each in ids) or "nobody\n", encoding="utf-8")
            return {"appointments": "by-patient", "patients_file": file.name}
        return {}


def _compared(expected: Iterable[tuple[Staging, Iterable[Row]]], finished: Finished) -> Iterator[str]:
    left = list(finished.rows)
    for staging, rows in expected:
        own = [row for row in left if _is_of(staging, row)]
        left = [row for row in left if not _is_of(staging, row)]
        yield from differences(staging, rows, own)
    yield from (f"{row['appointment']}: a row of nobody's" for row in left)


def _is_of(staging: Staging, row: Mapping[str, Any]) -> bool:
    return str(row["appointment"]).startswith(staging.stage.prefix)


def _flat(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Write sections within sections by their dotted names."""
    flat: dict[str, dict[str, Any]] = {}
    for section, keys in settings.items():
        for key, value in keys.items():
            if isinstance(value, dict):
                flat[f"{section}.{key}"] = value
            else:
                flat.setdefault(section, {})[key] = value
    return flat
