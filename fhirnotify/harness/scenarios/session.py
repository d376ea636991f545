"""A run of the harness on one server, from the first look at it to the last resource taken away."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.fhir.capability import read_capability
from fhirnotify.fhir.client import Client
from fhirnotify.harness.ending import Ending
from fhirnotify.harness.guest import Guest, Run
from fhirnotify.harness.resources import Resource
from fhirnotify.harness.scenarios.model import Scenario
from fhirnotify.harness.scenarios.performance import Faulty, Site
from fhirnotify.harness.scenarios.playing import Player
from fhirnotify.harness.scenarios.targets import Directory, Server
from fhirnotify.harness.seed import NotTakenAway, RefusedResources
from fhirnotify.settings.appointments import Strategy

Progress = Callable[[str], None]

_A_YEAR = 2051
_MUST = (
    "The server must take transactions, PUT with ids of the client's, and DELETE from this account: name a settings"
    " file with --auth whose credentials may write (SMART: system/*.cruds). The job itself only needs reading."
)

_NOT_DELETED = "The server says that it deletes what was put there, and does not"


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
        ending: how a command that writes there is interrupted.
    """

    base_url: str
    reader: Client
    writer: httpx.Client
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    faulty: Faulty | None = None
    ending: Ending = field(default_factory=Ending)


@contextmanager
def in_directory(version: FhirVersion, conditions: Conditions) -> Iterator[Player]:
    """Play on a directory of FHIR JSON that is made for it."""
    with TemporaryDirectory(prefix="fhirnotify-harness-") as directory:
        target = Directory(Path(directory), version)
        site = Site(target, conditions.mappings, strategy=conditions.strategy)
        yield Player(site, _A_YEAR, Run.now(), apart=conditions.apart)


def kinds(scenarios: Iterable[Scenario]) -> frozenset[str]:
    """Give the types of the resources that scenarios write in full: those of which a crash may leave some."""
    return frozenset(
        written["resourceType"]
        for scenario in scenarios
        for written in (*scenario.resources, *(each for step in scenario.steps for each in step.change))
        if isinstance(written, dict)
    )


@contextmanager
def on_server(
    access: Access,
    conditions: Conditions,
    *,
    foreign: bool = False,
    put: Collection[str] = (),
    tell: Progress = lambda _: None,
) -> Iterator[Player]:
    """Play on a server: look whether it may be written to, take away what an earlier run left, and choose a year.

    Args:
        access: how it is reached.
        conditions: how it is played.
        foreign: write although there are Patients that are not the harness's own.
        put: types that the scenarios put beside the usual ones, as ``kinds`` gives them.
        tell: told in words what is going on.

    Raises:
        FhirError: it cannot be read, or not reached for writing.
        HarnessError: it holds Patients that are not the harness's own, or does not take or give up one of its own.
    """
    with abreast_on_server(access, conditions, 1, foreign=foreign, put=put, tell=tell) as (player,):
        yield player


@contextmanager
def abreast_on_server(
    access: Access,
    conditions: Conditions,
    number: int,
    *,
    foreign: bool = False,
    put: Collection[str] = (),
    tell: Progress = lambda _: None,
) -> Iterator[list[Player]]:
    """Play on a server as ``on_server`` does, by several players at once, each in a year of its own."""
    capability = read_capability(access.reader.metadata())
    target = Server(access.base_url, access.writer, capability)
    guest, run = Guest(access.reader), Run.now()
    if not foreign:
        guest.refuse_foreign_patients()
    left = guest.left_behind(put)
    if left:
        tell(f"taking away {len(left)} resources that an earlier run left behind")
    with access.ending.put_off(lambda: _going(target)):
        _try_writing(guest, target, left, run)
        try:
            with _held_years(guest, target, run, number, access.ending) as years:
                told = ", ".join(map(str, years))
                tell(f"{target.software or 'the server'}, FHIR {target.version}, in the year {told}")
                site = Site(
                    target, conditions.mappings, access.environment, conditions.strategy, access.faulty, access.ending
                )
                yield [Player(site, year, run, apart=conditions.apart, number=at) for at, year in enumerate(years)]
        finally:
            _see_that_gone(guest, target, run, put)


def _going(target: Server) -> str:
    number = len(target.standing)
    return f"taking away the {number} resources that stand on the server; Ctrl-C again leaves them there"


def _try_writing(guest: Guest, target: Server, left: Iterable[Resource], run: Run) -> None:
    """Take away what was left behind, put one resource and delete it: before anything stands there that may not go.

    Raises:
        HarnessError: the server does not do one of these.
    """
    try:
        target.remove(left)
        _put_and_delete(guest, target, run)
    except RefusedResources as refusal:
        what = refusal.what
    except NotTakenAway as refusal:
        what = f"{refusal.what} They stay there, tagged as the harness's."
    else:
        return
    raise HarnessError(what, _MUST)


def _put_and_delete(guest: Guest, target: Server, run: Run) -> None:
    """Put one resource and delete it, and see each time that it was done, not only said."""
    trial = run.trial()
    target.put([trial])
    is_there = guest.holds(trial)
    target.remove([trial])
    if is_there is False:
        target.remove(guest.left_by(run))
        raise RefusedResources("The server does not keep what it is given by the id that it is given.")
    if guest.holds(trial):
        raise NotTakenAway(f"{_NOT_DELETED}: Patient/{trial['id']}.")


def _see_that_gone(guest: Guest, target: Server, run: Run, kinds: Collection[str]) -> None:
    """Look once more for what is this run's: what was being put when it was interrupted may have come late.

    Raises:
        NotTakenAway: the server says that it deletes, and does not.
    """
    if late := guest.left_by(run, kinds):
        target.remove(late)
    still = [each for each in late if guest.holds(each)]
    if still:
        named = ", ".join(f"{each['resourceType']}/{each['id']}" for each in still[:5])
        raise NotTakenAway(
            f"{_NOT_DELETED}: {len(still)} resources, {named}.",
            "They stay there, tagged as the harness's.",
        )


@contextmanager
def _held_years(guest: Guest, target: Server, run: Run, number: int, ending: Ending) -> Iterator[list[int]]:
    """Choose years, and hold each by an Appointment, so that a run that begins at the same time chooses others.

    A server that does not take such an Appointment is played on without.
    """
    years: list[int] = []
    holds: list[Resource] = []
    tried: set[int] = set()
    try:
        while len(years) < number:
            with ending.waiting():
                year = guest.free_year(frozenset(tried))
            tried.add(year)
            hold = run.hold(year, target.version)
            try:
                holds.append(hold)
                target.put([hold])
            except RefusedResources:
                holds.remove(hold)
                years.append(year)
                continue
            if guest.keeps(year, run):
                years.append(year)
            else:
                target.remove([hold])
                holds.remove(hold)
        yield years
    finally:
        target.remove(holds)
