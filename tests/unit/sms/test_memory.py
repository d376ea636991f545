"""The provider in memory, where it differs from the real ones."""

from datetime import UTC, datetime, timedelta

from fhirnotify.sms.gateway import CannotTell, Deferred, NotFound, Sms, Trace, Unknown
from fhirnotify.sms.memory import MemoryGateway

MESSAGE = Sms("r1", "+46701740605", "text", "RegionVB", timedelta(hours=24))
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_provider_that_cannot_be_asked() -> None:
    """It takes messages and never tells which."""
    gateway = MemoryGateway(knows=False)
    gateway.send(MESSAGE)
    assert gateway.find(Trace("r1", NOW, NOW)) == CannotTell("cannot-be-asked")


def test_unknown_leaves_the_message_untaken_unless_told() -> None:
    """Both truths behind a lost answer can be played."""
    for answer in (Unknown("read-timeout"), Deferred("http-503")):
        gateway = MemoryGateway(lambda _, answer=answer: answer)
        assert gateway.send(MESSAGE) == answer
        assert gateway.attempts == [MESSAGE]
        assert gateway.find(Trace("r1", NOW, NOW)) == NotFound()
    gateway = MemoryGateway(lambda _: Unknown("read-timeout"), taken_when_unknown=True)
    gateway.send(MESSAGE)
    assert gateway.taken == [MESSAGE]
