"""The real command against sekmet-fhir, FHIR server and SMART authorization server in one process."""

import httpx
import pytest
from smart_sekmet import SEEDER, smart_sekmet

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.seed import seed

SECRET = "Qzkanarie+/=%"


@pytest.fixture(scope="module")
def server(keys, make_world):
    """The server, with the visits on it."""
    with smart_sekmet(keys, SECRET) as running:
        with httpx.Client(headers={"Authorization": f"Bearer {SEEDER}"}, timeout=60) as seeder:
            seed(running.base_url, make_world(FhirVersion.R4).resources, seeder)
        yield running


@pytest.fixture
def job(make_job, make_world, server):
    """The job, set up for this server."""
    return make_job(server.base_url, make_world(FhirVersion.R4))


@pytest.mark.parametrize(("key", "client"), [("rsa", "reminders-rsa"), ("ec", "reminders")])
def test_a_key_is_enough(job, key, client):
    """RS384 and ES384; all else is found by .well-known/smart-configuration."""
    job.by_key(key, client_id=client)
    job.reminds()


def test_a_secret_with_signs_in_it_is_taken(job, server):
    """This server does not decode what Basic encodes; in the form it understands it."""
    job.by_secret(
        client_id="by-secret",
        client_secret=SECRET,
        client_secret_file=None,
        token_url=f"{server.base_url.removesuffix('/fhir')}/auth/token",
    )
    job.reminds()
    job.shows_no(job.written, SECRET)


def test_an_address_that_the_server_does_not_know_itself_by_is_the_wrong_audience(job, server):
    """Reached by another name, it is the same server, and refuses what is signed for that name."""
    job.by_key("ec", token_url=f"{server.base_url.removesuffix('/fhir').replace('127.0.0.1', 'localhost')}/auth/token")
    said = job.stops()
    assert "invalid_client" in said
    assert "by which the server knows itself" in said


def test_scopes_that_are_granted_in_part_stop_the_run(job):
    """This server gives a token for the rest, without a word of what is missing."""
    job.by_key("ec", client_id="no-consents")
    assert "did not grant system/Consent.rs" in job.stops()


def test_check_goes_through(job, server):
    """The token endpoint that was found is named."""
    job.by_key("ec")
    code, (findings,), _ = job.does("check")
    assert code == 0
    said = f"{server.base_url.removesuffix('/fhir')}/auth/token gave an access token that lasts 300 s"
    assert said in [finding["what"] for finding in findings]


def test_without_credentials_nothing_is_read(job):
    """401, with the settings to look at."""
    said = job.stops()
    assert "401 Unauthorized" in said
    assert "[fhir.auth]" in said
