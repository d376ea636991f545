"""The faults that are shipped: each has a name, says what it does, and is played by a scenario."""

import re
import typing
from datetime import timedelta

import pytest

from fhirnotify.errors import FhirError, HarnessError
from fhirnotify.fhir.client import Client, Limits
from fhirnotify.harness.faults import FAULTS, NeverActed, before, named
from fhirnotify.harness.faults.fault import fhir_json
from fhirnotify.harness.loopback import LoopbackServer
from fhirnotify.harness.proxy import HostileProxy, next_of
from fhirnotify.harness.scenarios import reading
from fhirnotify.harness.scenarios.model import Promise

SCENARIOS = reading.read_all(reading.bundled() / "faults")


@pytest.fixture
def upstream():
    """A FHIR server of two pages with nothing on them."""

    def answer(request):
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": 0}
        if request.method == "POST":
            url = f"http://{request.headers['host']}/fhir?_getpages=2"
            bundle["link"] = [{"relation": "next", "url": url}]
        return fhir_json(bundle)

    with LoopbackServer(answer) as server:
        yield f"{server.base_url}/fhir"


def test_there_are_many():
    """None is lost by another of its name."""
    from fhirnotify.harness import faults

    assert len(FAULTS) == sum(len(idea.FAULTS) for idea in faults._BY_IDEA) >= 150


@pytest.mark.parametrize("fault", FAULTS.values(), ids=lambda fault: fault.name)
def test_each_says_what_it_is(fault):
    """A name in kebab case, a sentence without subject, and a promise of the program."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+|gzip|chunks|xml", fault.name)
    assert fault.does[0].islower()
    assert not fault.does.endswith(".")
    assert fault.threatens in typing.get_args(Promise)


def test_each_is_played_by_a_scenario_of_its_name():
    """A fault without a scenario shows nothing; a scenario may play a fault a second time."""
    assert FAULTS.keys() <= SCENARIOS.keys()
    for name, scenario in SCENARIOS.items():
        played = {step.fault for step in scenario.steps if step.fault}
        assert len(played) == 1
        if name in FAULTS:
            assert (played, scenario.promise) == ({name}, FAULTS[name].threatens)


def test_one_that_is_unknown_is_named_with_its_neighbours():
    """A slip of the finger is easily mended."""
    with pytest.raises(HarnessError, match="gzip-bomb"):
        named("gzip-bom")


def test_one_that_never_acts_is_told_of(upstream):
    """What was never tried has shown nothing."""
    with pytest.raises(NeverActed, match="latin-1"), before(upstream)("latin-1") as base_url:
        assert base_url != upstream


def test_an_answer_that_drips_for_ever_is_cut_off(upstream):
    """Each byte is in time; the client's patience with the whole is not endless."""
    limits = Limits(patience=timedelta(seconds=0.6))
    with HostileProxy(upstream, FAULTS["dripping-for-ever"].act) as proxy:
        client = Client(proxy.base_url, timeout=timedelta(seconds=5), attempts=1, verify=False, limits=limits)
        link = next_of(client.search("Appointment", ()))
        with pytest.raises(FhirError, match="did not end in time"):
            client.follow(link, "Appointment")
        assert proxy.acted == 1
        client.close()
