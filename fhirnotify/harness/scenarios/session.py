"""A run of the harness on one server, from the first look at it to the last resource taken away."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from fhirnotify.core.model import FhirVersion
from fhirnotify.fhir.capability import read_capability
from fhirnotify.fhir.client import Client
from fhirnotify.harness.guest import Guest, Run
from fhirnotify.harness.scenarios.performance import Faulty, Site, Strategy
from fhirnotify.harness.scenarios.playing import Player
from fhirnotify.harness.scenarios.targets import Directory, Server

Progress = Callable[[str], None]

_A_YEAR = 2051


@dataclass(frozen=True, slots=True)
class Conditions:
    """How scenarios are played, wherever it is.

    Attributes:
        mappings: the directory of the mappings under test.
        strategy: how Appointments are searched.
        apart: each scenario in a run of its own.
    """

    mappings: Path
    strategy: Strategy = "by-date"
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """How one server is reached.

    Attributes:
        reader: reads it as the job does.
        writer: may write to it.
        environment: the credentials, as the command takes them.
        faulty: puts a fault before it.
    """

    base_url: str
    reader: Client
    writer: httpx.Client
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    faulty: Faulty | None = None


@contextmanager
def in_directory(version: FhirVersion, conditions: Conditions) -> Iterator[Player]:
    """Play on a directory of FHIR JSON that is made for it."""
    with TemporaryDirectory(prefix="fhirnotify-harness-") as directory:
        target = Directory(Path(directory), version)
        site = Site(target, conditions.mappings, strategy=conditions.strategy)
        yield Player(site, _A_YEAR, Run.now(), apart=conditions.apart)


@contextmanager
def on_server(
    access: Access, conditions: Conditions, *, foreign: bool = False, tell: Progress = lambda _: None
) -> Iterator[Player]:
    """Play on a server: look whether it may be written to, take away what an earlier run left, and choose a year.

    Args:
        access: how it is reached.
        conditions: how it is played.
        foreign: write although there are Patients that are not the harness's own.
        tell: told in words what is going on.

    Raises:
        FhirError: it cannot be read.
        HarnessError: it holds Patients that are not the harness's own, or does not take what it is given.
    """
    with abreast_on_server(access, conditions, 1, foreign=foreign, tell=tell) as (player,):
        yield player


@contextmanager
def abreast_on_server(
    access: Access, conditions: Conditions, number: int, *, foreign: bool = False, tell: Progress = lambda _: None
) -> Iterator[list[Player]]:
    """Play on a server as ``on_server`` does, by several players at once, each in a year of its own."""
    capability = read_capability(access.reader.metadata())
    target = Server(access.base_url, access.writer, capability)
    guest = Guest(access.reader)
    if not foreign:
        guest.refuse_foreign_patients()
    if left := guest.left_behind():
        tell(f"taking away {len(left)} resources that an earlier run left behind")
        target.remove(left)
    years: list[int] = []
    for _ in range(number):
        years.append(guest.free_year(frozenset(years)))
    told = ", ".join(map(str, years))
    tell(f"{target.software or 'the server'}, FHIR {target.version}, in the year {told}")
    site = Site(target, conditions.mappings, access.environment, conditions.strategy, access.faulty)
    run = Run.now()
    yield [Player(site, year, run, apart=conditions.apart, number=at) for at, year in enumerate(years)]
