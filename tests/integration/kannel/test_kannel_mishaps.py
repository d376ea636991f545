"""What becomes of messages when Kannel, or the SMS centre behind it, is away, stands still or dies."""

import json
import signal
from collections import Counter
from datetime import datetime, timedelta

import pytest
from kannel_server import until

from fhirnotify.core.model import FhirVersion
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.resources import fictional_number
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.harness.world import ordinary_world
from fhirnotify.sms.gateway import Accepted, Deferred, Sms, Unknown

pytestmark = pytest.mark.slow

NOW = datetime(2031, 9, 1, 10, tzinfo=LOCAL)
ANNA, BO = fictional_number(0), fictional_number(1)
TAKEN = Accepted(None, None)
REMINDERS = 40


def sms(to: str = ANNA) -> Sms:
    """Make a message."""
    return Sms("r1", to, "Påminnelse till Åsa", "RegionVB", timedelta(hours=24))


def test_centre_that_is_away(made):
    """Kannel takes what it cannot pass on yet, keeps it on disk, and passes it on once, whatever becomes of it."""
    chain = made(away=True)
    assert chain.send(sms()) == [TAKEN]
    chain.kannel.kill()
    chain.kannel.start()
    with chain.centre:
        assert len(chain.arrived(1)) == 1
        assert chain.send(sms(BO)) == [TAKEN]
        assert [message.to for message in chain.arrived(2)] == [ANNA, BO]


def test_kannel_that_is_gone(chain):
    """Nobody listens: certain not to have been sent."""
    chain.kannel.kill()
    assert chain.send(sms()) == [Deferred("no-connection")]


def test_kannel_that_stands_still(chain):
    """No answer comes in time, and the message is sent later all the same: who had tried again would have sent two."""
    assert chain.kannel.bearerbox is not None
    chain.kannel.bearerbox.send_signal(signal.SIGSTOP)
    assert chain.gateway(seconds=0.5).send(sms()) == Unknown("read-timeout")
    assert chain.centre.parts == []
    chain.kannel.bearerbox.send_signal(signal.SIGCONT)
    assert len(chain.arrived(1)) == 1


def test_kannel_that_dies_in_the_middle_of_a_run(made, tmp_path):
    """What it had is passed on when it is back, what it had not is sent by the next run, and what nobody knows is told."""
    chain = made(away=True)
    world = ordinary_world(NOW, FhirVersion.R4, REMINDERS)
    (tmp_path / "journal").mkdir()
    lines = [json.dumps(each | {"meta": {"versionId": "1"}}) for each in world.resources]
    (tmp_path / "journal/world.ndjson").write_text("\n".join(lines), "utf-8")
    (tmp_path / "job").mkdir()
    job = Installation(tmp_path / "job")
    job.configure(
        world.settings,
        {"fhir": {"base_url": f"file:{tmp_path / 'journal'}"}},
        {"sms": {"provider": "kannel", "rate": 30, "timeout": "5s", "attempts": 2}},
        {"sms.kannel": chain.kannel.account},
    )
    with job.start(NOW) as first:
        until(lambda: _stored(chain) >= 8, "some messages in Kannel's store")
        chain.kannel.kill()
        out, log = first.communicate(timeout=120)
    before = json.loads(out.splitlines()[-1])["summary"]
    assert 8 <= before["sent"] < REMINDERS, log
    assert before["pending"] > 0

    chain.kannel.start()
    with chain.centre:
        chain.kannel.wait_online()
        done = job.run(NOW + timedelta(minutes=16))
        counted = done.summary
        assert (counted["pending"], counted["failed"]) == (0, 0), done.log
        assert counted["already"] + counted["sent"] + counted["uncertain"] == REMINDERS
        uncertain = {row["appointment"] for row in done.rows if row["outcome"] == "uncertain"}
        certain = Counter((each.number, each.text) for each in world.visits if each.appointment not in uncertain)
        until(lambda: certain <= _arrived(chain), "what is certain at the SMS centre")
        until(lambda: not _stored(chain), "nothing left in Kannel's store")
        assert certain <= _arrived(chain) <= world.inbox
        assert done.exit_code == (6 if uncertain else 0)
    print(  # noqa: T201
        f"sent before {before['sent']}, uncertain {len(uncertain)}, after {counted['sent']}; "
        f"arrived {_arrived(chain).total()} of {REMINDERS}, duplicates 0"
    )


def _stored(chain) -> int:
    return sum(each.is_file() for each in (chain.kannel.directory / "spool").rglob("*"))


def _arrived(chain) -> Counter:
    return Counter((message.to, message.text) for message in chain.centre.messages())
