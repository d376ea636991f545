"""A real HAPI FHIR server at one end, a provider that misbehaves at the other."""

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.elks46 import PASSWORD, USERNAME, Behaviour, FakeElks46
from fhirnotify.harness.world import ordinary_world

pytestmark = pytest.mark.hapi
R4_ONLY = pytest.mark.parametrize("journal", [FhirVersion.R4], indirect=True, ids=str)


@pytest.fixture
def provider():
    """Give a stand-in for 46elks."""
    with FakeElks46(retry_after="0", hang=3) as fake:
        yield fake


@pytest.fixture
def installed(journal, installation, provider):
    """Give a world of ten visits on the server, and an installation that sends through the provider."""
    world = ordinary_world(journal.now, journal.version, 10, prefix=journal.prefix)
    journal.put(*world.resources)
    account = {"base_url": provider.base_url, "username": USERNAME, "password": PASSWORD}
    sms = {"provider": "46elks", "rate": 1000, "timeout": "1s", "parallel": 4}
    installation.configure(world.settings, {"fhir": {"base_url": journal.base_url}, "sms": sms, "sms.46elks": account})
    return world


def test_all_are_sent_once(installed, installation, provider):
    """Each patient gets the one text, and nothing more on the next run."""
    for sent in (10, 0):
        done = installation.run(installed.now)
        assert (done.exit_code, done.summary["sent"]) == (0, sent)
    assert sorted((message.to, message.text) for message in provider.taken) == sorted(installed.inbox)
    assert {message.sender for message in provider.taken} == {"RegionVB"}


@R4_ONLY
def test_a_busy_provider_is_tried_again(installed, installation, provider):
    """What the provider defers is sent within the same run."""
    provider.next(Behaviour.THROTTLE, Behaviour.UNAVAILABLE, Behaviour.THROTTLE)
    done = installation.run(installed.now)
    assert (done.exit_code, done.summary["sent"]) == (0, 10)
    assert len(provider.taken) == 10


@R4_ONLY
def test_what_the_provider_refuses_is_failed(installed, installation, provider):
    """One refused message is named, wants a person, and is not tried again."""
    provider.on(installed.visits[3].number, Behaviour.REFUSE)
    done = installation.run(installed.now)
    assert (done.exit_code, done.summary["sent"], done.summary["failed"]) == (6, 9, 1)
    assert done.by_visit[installed.visits[3].appointment, installed.visits[3].patient]["outcome"] == "rejected"
    again = installation.run(installed.now)
    assert (again.summary["sent"], again.summary["already"]) == (0, 10)
    assert len(provider.taken) == 9


@R4_ONLY
def test_an_answer_that_is_lost_is_found_again(installed, installation, provider):
    """The provider took the message and its answer was lost: it is found there, and never sent twice."""
    provider.next(Behaviour.TAKE_AND_DROP, Behaviour.TAKE_AND_HANG, Behaviour.TAKE_AND_BREAK, Behaviour.TAKE_AND_BABBLE)
    done = installation.run(installed.now)
    assert done.summary["considered"] == 10
    again = installation.run(installed.now)
    assert (done.summary["sent"] + again.summary["sent"], again.summary["failed"]) == (10, 0)
    assert again.exit_code == 0
    assert sorted((message.to, message.text) for message in provider.taken) == sorted(installed.inbox)


@R4_ONLY
def test_an_empty_account_stops_the_run(installed, installation, provider):
    """Without credit nothing more is sent and the rest stays claimed; when there is credit again all are sent."""
    provider.balance, credit = 0, provider.balance
    done = installation.run(installed.now)
    assert done.exit_code == 4
    assert (done.summary["sent"], done.summary["pending"], done.summary["complete"]) == (0, 10, True)
    assert {row["outcome"] for row in done.rows} == {"claimed"}
    provider.balance = credit
    again = installation.run(installed.now)
    assert (again.exit_code, again.summary["sent"]) == (0, 10)
    assert sorted((message.to, message.text) for message in provider.taken) == sorted(installed.inbox)
