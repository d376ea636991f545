"""The honest FHIR server of the tests, which also takes Communications, and keeps their versions as HAPI does."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lying_fhir import LyingFhir

from fhirnotify.harness.loopback import Answer, LoopbackServer, Reply, Request


@dataclass
class WritableFhir:
    """Reads are answered by ``journal``; what is written is kept.

    Attributes:
        communications: what stands there, by id.
        versions: how many versions there are of each.
        asked: every request to write.
        before: is asked about each before it is taken, and may answer in its place.
        after: likewise, once it was taken.
    """

    journal: LyingFhir
    communications: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    before: Callable[[Request], Answer | None] = lambda _: None
    after: Callable[[Request], Answer | None] = lambda _: None

    def serve(self) -> LoopbackServer:
        """Give a server that answers so."""
        self.journal._server = LoopbackServer(self.answer)
        return self.journal._server

    @property
    def base_url(self) -> str:
        return self.journal.base_url

    def answer(self, request: Request) -> Answer:
        if request.method != "PUT":
            return self.journal.answer(request)
        self.asked.append(request)
        if (instead := self.before(request)) is not None:
            return instead
        kind, identity = request.path.removeprefix("/fhir/").split("/")
        resource = json.loads(request.body)
        assert (kind, identity) == ("Communication", resource["id"])
        if self.communications.get(identity) != resource:
            self.communications[identity] = resource
            self.versions[identity] = self.versions.get(identity, 0) + 1
        if (instead := self.after(request)) is not None:
            return instead
        return Reply(201 if self.versions[identity] == 1 else 200)

    def by_visit(self) -> dict[str, tuple[str, int]]:
        """Give the status of each, and how many versions there are, by the Appointment that it is about."""
        return {
            one["about"][0]["reference"].removeprefix("Appointment/"): (one["status"], self.versions[identity])
            for identity, one in self.communications.items()
        }
