"""A FHIR server that keeps what it is given in memory, and in which a test can hold a transaction back."""

import json
import threading
from collections.abc import Callable

from fhirnotify.harness.loopback import Reply, Request

CAPABILITIES = {
    "resourceType": "CapabilityStatement",
    "status": "active",
    "date": "2026-11-01",
    "kind": "instance",
    "fhirVersion": "4.0.1",
    "format": ["json"],
    "rest": [{"mode": "server"}],
}
_JSON = {"Content-Type": "application/fhir+json"}

Chosen = Callable[[str, str], bool]
"""Tells of a method and a ``Type/id`` whether it is meant."""


class MemoryServer:
    """Takes transactions of PUT and DELETE, gives a resource by its id, and answers each search with all of the type.

    Attributes:
        stands: what it holds, by ``Type/id``.
        put: the types of what it was given, in order.
        refuses: what it answers in place of a transaction, by the method of its first entry, or by ``hold`` for
            one with an Appointment in it.
        deletes: whether it does what it says when it says that it deletes.
        own_ids: whether it gives ids of its own.
        refused: whether an entry makes it refuse the whole transaction with 422.
    """

    def __init__(self, **refuses: int) -> None:
        self.stands: dict[str, dict] = {}
        self.put: list[str] = []
        self.refuses = refuses
        self.deletes = True
        self.own_ids = False
        self.refused: Chosen = lambda _method, _reference: False
        self.arrived, self.go_on = threading.Event(), threading.Event()
        self._held_back: Chosen = lambda _method, _reference: False
        self._lock = threading.Lock()

    def hold_back(self, chosen: Chosen) -> None:
        """Do the first transaction with such an entry only when ``go_on`` is set; ``arrived`` tells that it is here."""
        self._held_back = chosen

    def __call__(self, request: Request) -> Reply:
        """Answer."""
        if request.path == "/metadata":
            return _answer(CAPABILITIES)
        kind = request.path.split("/")[1]
        if request.path.endswith("/_search"):
            with self._lock:
                found = [each for key, each in self.stands.items() if key.startswith(f"{kind}/")]
            entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
            return _answer({"resourceType": "Bundle", "type": "searchset", "entry": entries})
        if request.method == "GET":
            found = self.stands.get(request.path.removeprefix("/"))
            return Reply(404) if found is None else _answer(found)
        return self._transaction(json.loads(request.body)["entry"])

    def _transaction(self, entries: list[dict]) -> Reply:
        asked = [(entry["request"]["method"], entry["request"]["url"]) for entry in entries]
        if status := self.refuses.get(asked[0][0]):
            return Reply(status)
        if "hold" in self.refuses and any(reference.startswith("Appointment/") for _, reference in asked):
            return Reply(self.refuses["hold"])
        if any(self.refused(*each) for each in asked):
            return Reply(422)
        if any(self._held_back(*each) for each in asked) and not self.arrived.is_set():
            self.arrived.set()
            self.go_on.wait(60)
        with self._lock:
            return _answer({"entry": [{"response": self._done(entry)} for entry in entries]})

    def _done(self, entry: dict) -> dict[str, str]:
        reference = entry["request"]["url"]
        if entry["request"]["method"] == "DELETE":
            if self.deletes:
                self.stands.pop(reference, None)
            return {"status": "204"}
        kind, _, identity = reference.partition("/")
        if self.own_ids:
            identity = str(len(self.put))
        there = self.stands.get(f"{kind}/{identity}", {"meta": {"versionId": "0"}})
        version = str(int(there["meta"]["versionId"]) + 1)
        meta = {**entry["resource"].get("meta", {}), "versionId": version}
        self.stands[f"{kind}/{identity}"] = {**entry["resource"], "id": identity, "meta": meta}
        self.put.append(kind)
        return {"status": "200", "etag": f'W/"{version}"'}


def _answer(value: dict) -> Reply:
    return Reply(200, json.dumps(value).encode(), _JSON)
