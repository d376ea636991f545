"""Puts the resources with which scenarios begin on a server, and leaves them there."""

from collections.abc import Mapping
from datetime import datetime

from fhirnotify.fhir.capability import read_capability
from fhirnotify.harness.guest import Guest, Run
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.session import Access
from fhirnotify.harness.scenarios.staging import Stage, Staging
from fhirnotify.harness.scenarios.targets import Server


def seeded(access: Access, scenarios: Mapping[str, Scenario], now: datetime, *, foreign: bool) -> list[Resource]:
    """Put them there as of ``now``, those that can be said in the server's FHIR version, and give them.

    Raises:
        FhirError: the server cannot be read.
        HarnessError: it holds Patients that are not the harness's own, and ``foreign`` is False; or it refuses.
    """
    capability = read_capability(access.reader.metadata())
    target, run = Server(access.base_url, access.writer, capability), Run.now()
    if not foreign:
        Guest(access.reader).refuse_foreign_patients()
    put: list[Resource] = []
    for number, (name, scenario) in enumerate(scenarios.items()):
        if capability.version in scenario.fhir:
            stage = Stage(capability.version, target.base_url, now, f"seed-{number:03}-", run.tags)
            put += Staging(name, scenario, stage).put(scenario.resources)
    target.put(put)
    return put
