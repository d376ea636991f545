"""Puts the resources with which scenarios begin on a server, and leaves them there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from fhirnotify.fhir.capability import read_capability
from fhirnotify.harness.guest import Guest, Run
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.playing import TOGETHER
from fhirnotify.harness.scenarios.session import Access
from fhirnotify.harness.scenarios.staging import Stage, Staging
from fhirnotify.harness.scenarios.targets import Server
from fhirnotify.harness.seed import RefusedResources


@dataclass(frozen=True, slots=True)
class Seeded:
    """What became of one scenario's resources.

    Attributes:
        put: those that stand on the server: all of it, or none.
        refused: why the server does not take them; empty if it does.
    """

    name: str
    put: tuple[Resource, ...] = ()
    refused: str = ""


def seeded(access: Access, scenarios: Mapping[str, Scenario], now: datetime, *, foreign: bool) -> Iterator[Seeded]:
    """Put them there as of ``now``, those that can be said in the server's FHIR version, and give each when it is done.

    Raises:
        FhirError: the server cannot be read, or no longer answers.
        HarnessError: it holds Patients that are not the harness's own, and ``foreign`` is False; or it does not give
            up what of a scenario it has taken before it refused the rest.
    """
    capability = read_capability(access.reader.metadata())
    target, run = Server(access.base_url, access.writer, capability), Run.now()
    if not foreign:
        Guest(access.reader).refuse_foreign_patients()
    staged: list[tuple[str, list[Resource]]] = []
    for number, (name, scenario) in enumerate(scenarios.items()):
        if capability.version in scenario.fhir:
            stage = Stage(capability.version, target.base_url, now, f"seed-{number:03}-", run.tags)
            staged.append((name, Staging(name, scenario, stage).put(scenario.resources)))
    with access.ending.put_off(lambda: "ending when the server has answered; Ctrl-C again ends it at once"):
        for at in range(0, len(staged), TOGETHER):
            for each in _put(target, staged[at : at + TOGETHER]):
                yield each
                access.ending.heed()


def _put(target: Server, staged: Sequence[tuple[str, list[Resource]]]) -> Iterator[Seeded]:
    """Put several together; if one is refused, halve them down to that one."""
    try:
        target.put(resource for _, resources in staged for resource in resources)
    except RefusedResources as refusal:
        why = refusal.what
    else:
        yield from (Seeded(name, tuple(resources)) for name, resources in staged)
        return
    if len(staged) == 1:
        ((name, resources),) = staged
        target.remove(resources)
        yield Seeded(name, refused=why)
        return
    middle = len(staged) // 2
    yield from _put(target, staged[:middle])
    yield from _put(target, staged[middle:])
