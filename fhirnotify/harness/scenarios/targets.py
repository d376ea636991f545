"""What a scenario is played on: a FHIR server over HTTP, or a directory of FHIR JSON."""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import httpx

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.capability import Capability
from fhirnotify.harness import seed
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.seed import Versions


class Target(Protocol):
    """Holds resources that fhirnotify reads."""

    @property
    def base_url(self) -> str:
        """What ``fhir.base_url`` is set to."""
        ...

    @property
    def version(self) -> FhirVersion:
        """The FHIR version that it speaks."""
        ...

    @property
    def software(self) -> str:
        """What it calls itself."""
        ...

    def put(self, resources: Iterable[Resource]) -> Versions:
        """Put resources there, each in the place of one with its id; give the versions that they have now.

        Raises:
            HarnessError: one is refused; others may stand there.
        """
        ...

    def remove(self, resources: Iterable[Resource]) -> None:
        """Take resources away; one that is not there is no matter.

        Raises:
            HarnessError: it cannot be done.
        """
        ...


class Server:
    """A FHIR server over HTTP.

    Args:
        base_url: of the server.
        writer: signs requests, and knows the server's certificate.
        capability: what the server says about itself.
    """

    def __init__(self, base_url: str, writer: httpx.Client, capability: Capability) -> None:
        self.base_url = base_url.rstrip("/")
        self.version = capability.version
        self.software = capability.software
        self.standing: set[str] = set()
        """What was put there and not yet taken away, as ``Type/id``."""
        self._writer = writer

    def put(self, resources: Iterable[Resource]) -> Versions:
        """Put them by transactions."""
        given = list(resources)
        self.standing |= set(map(seed.reference, given))
        return seed.seed(self.base_url, given, self._writer)

    def remove(self, resources: Iterable[Resource]) -> None:
        """Delete them by transactions."""
        given = list(resources)
        seed.remove(self.base_url, given, self._writer)
        self.standing -= set(map(seed.reference, given))


class Directory:
    """A directory of FHIR JSON, one file a resource, beside a CapabilityStatement that tells the version.

    Each resource stands in a Bundle of its own, since a fullUrl alone tells a directory what absolute references mean.
    """

    software = "directory"

    def __init__(self, directory: Path, version: FhirVersion) -> None:
        self.version = version
        self.base_url = f"file:{directory}"
        self._directory = directory
        self._versions: Counter[str] = Counter()
        directory.mkdir(parents=True, exist_ok=True)
        spoken = "4.0.1" if version is FhirVersion.R4 else "5.0.0"
        self._write("metadata.json", {"resourceType": "CapabilityStatement", "fhirVersion": spoken})

    def put(self, resources: Iterable[Resource]) -> Versions:
        """Write a file a resource; its version counts up."""
        given: Versions = {}
        for resource in resources:
            name = self._name(resource)
            self._versions[name] += 1
            given[seed.reference(resource)] = version = str(self._versions[name])
            meta = {**resource.get("meta", {}), "versionId": version}
            full_url = f"{self.base_url}/{resource['resourceType']}/{resource['id']}"
            entry = {"fullUrl": full_url, "resource": {**resource, "meta": meta}}
            self._write(name, {"resourceType": "Bundle", "type": "collection", "entry": [entry]})
        return given

    def remove(self, resources: Iterable[Resource]) -> None:
        """Delete the files."""
        for resource in resources:
            (self._directory / self._name(resource)).unlink(missing_ok=True)

    def _write(self, name: str, resource: Resource) -> None:
        (self._directory / name).write_text(json.dumps(resource, ensure_ascii=False), encoding="utf-8")

    @staticmethod
    def _name(resource: Resource) -> str:
        return f"{resource['resourceType']}-{resource['id']}.json"
