"""What a text becomes on its way through a real Kannel, and where it is seen on that way."""

import re
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from kannel_server import FAKE_CENTRE, PASSWORD, Chain, until
from smpp_centre import ALPHANUMERIC, INTERNATIONAL, UCS2, Message

from fhirnotify.core.gsm import BASIC, EXTENSION
from fhirnotify.core.model import ContactType
from fhirnotify.harness.resources import fictional_number
from fhirnotify.harness.scenarios.comparing import region_text
from fhirnotify.harness.scenarios.moments import LOCAL
from fhirnotify.sms.gateway import Accepted, Sms

pytestmark = pytest.mark.slow

ANNA = fictional_number(0)
TAKEN = Accepted(None, None)
START = datetime(2031, 11, 24, 10, tzinfo=LOCAL)
REMINDER = region_text("Åsa-Örjan", ContactType.MOTTAGNING, START)


def sms(text: str, sender: str = "RegionVB", hours: int = 24) -> Sms:
    """Make a message."""
    return Sms("reference-1", ANNA, text, sender, timedelta(hours=hours))


def arriving(chain: Chain, text: str, **how: str) -> Message:
    """Send one message; give what has arrived."""
    assert chain.send(sms(text, **how)) == [TAKEN]
    return chain.arrived(1)[0]


def test_reminder_in_two_parts(shared):
    """The region's text, in GSM 03.38 with its åäö, cut after 153 septets, joined by the header of a long message."""
    arrived = arriving(shared, REMINDER)
    assert arrived == Message(ANNA, "RegionVB", REMINDER, 2, 0)
    first, second = sorted(shared.centre.taken(), key=lambda part: part.which)
    assert (len(first.data), len(first.data + second.data)) == (153, 293)
    assert (first.count, first.which, second.which, first.reference) == (2, 1, 2, second.reference)
    assert bytes([0x0F, 0x7B, 0x7C, 0x0E, 0x5C]) == "åäöÅÖ".encode("gsm03.38")
    assert (first.data + second.data).count(0x0F) == REMINDER.count("å") > 0
    assert (first.sender_ton, first.to_ton, first.registered) == (ALPHANUMERIC, INTERNATIONAL, 0)


@pytest.mark.parametrize(
    ("text", "parts", "coding"),
    [
        ("".join(sorted(BASIC | EXTENSION)), 1, 0),
        ("å" * 160, 1, 0),
        ("å" * 161, 2, 0),
        ("a" * 152 + "€" + "b" * 100, 2, 0),  # a character of two septets is not cut in two
        ("  blanks and \r\n lines \n", 1, 0),
        ("Påminnelse till Ольга & محمد", 1, UCS2),
        ("ö" * 69 + "ł", 1, UCS2),
        (region_text("Ольга", ContactType.TELEFON, START), 5, UCS2),
    ],
)
def test_text_arrives_as_it_was_written(shared, text, parts, coding):
    """Every character of GSM 03.38, and UCS-2 for the others; cut where it must be, and not a character lost."""
    assert arriving(shared, text) == Message(ANNA, "RegionVB", text, parts, coding)


def test_sender_that_is_a_number(shared):
    """It has the international type, as the receiver has."""
    arriving(shared, "a", sender="+46701740699")
    (part,) = shared.centre.taken()
    assert (part.sender, part.sender_ton) == ("46701740699", INTERNATIONAL)


def test_text_that_a_user_may_not_send_is_cut_and_nobody_told(made):
    """Why the README asks for ``max-messages``: Kannel's default is one part, and it says that all is well."""
    chain = made(longest="1")
    arrived = arriving(chain, REMINDER)
    assert REMINDER.startswith(arrived.text)
    assert len(arrived.text) <= 160


def test_number_text_and_password_stand_in_no_log(chain):
    """Neither in Kannel's, set as the README has them, nor in an address; its access log has our reference alone."""
    arriving(chain, REMINDER)
    chain.kannel.kill()
    logs = {path.name: path.read_text("utf-8", "replace") for path in chain.kannel.directory.glob("*.log")}
    assert set(logs) == {"bearerbox.log", "smsbox.log", "access.log"}
    for log in (*logs.values(), (chain.kannel.directory / "console").read_text("utf-8", "replace")):
        assert not re.search(f"{ANNA[1:]}|Påminnelse|Åsa|{re.escape(PASSWORD)}", log)
    assert [line.split(" ", 2)[2] for line in logs["access.log"].splitlines()] == [
        "Sent SMS [SMSC:CENTRE] [ACT:reference-1]"
    ]


def test_address_and_validity_as_kannel_sees_them(made):
    """The address that smsbox is asked at holds nothing; the centre is told until when the message is of use."""
    chain = made(log_level=0)
    before = datetime.now(UTC).replace(microsecond=0)
    arriving(chain, "abc", hours=5)
    log = (chain.kannel.directory / "smsbox.log").read_text("utf-8", "replace")
    assert re.findall(r"Got HTTP request <(.*?)> from", log) == ["/cgi-bin/sendsms"]
    told = re.search(
        r'validity_period: "(\d{12})000\+"', (chain.kannel.directory / "bearerbox.log").read_text("utf-8", "replace")
    )
    assert told
    until_when = datetime.strptime(told[1], "%y%m%d%H%M%S").replace(tzinfo=UTC)
    assert timedelta(0) <= until_when - before - timedelta(hours=5) < timedelta(seconds=30)


def test_kannel_s_own_fake_centre(made, tmp_path):
    """What it prints is what was sent."""
    chain = made(away=True, fake=True)
    printed = tmp_path / "printed"
    with printed.open("wb") as out:
        fake = subprocess.Popen(
            [str(FAKE_CENTRE), "-H", "127.0.0.1", "-r", str(chain.centre.port), "-m", "0", "1 2 text nop"],
            stdout=out,
            stderr=out,
        )
    try:
        chain.kannel.wait_online()
        assert chain.send(sms("Påminnelse till Åsa")) == [TAKEN]
        until(lambda: f"RegionVB {ANNA} text Påminnelse till Åsa" in printed.read_text("utf-8", "replace"), "the text")
    finally:
        fake.kill()
        fake.wait()
