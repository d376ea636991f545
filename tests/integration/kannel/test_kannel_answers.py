"""What a real Kannel says, and what the adapter makes of it."""

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from kannel_server import PASSWORD, USERNAME, free_port, need_kannel, program

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.harness.resources import fictional_number
from fhirnotify.sms.gateway import Accepted, Deferred, Rejected, Sms, Unknown
from fhirnotify.sms.kannel import ANSWERS, NO_RECEIVER

pytestmark = pytest.mark.slow

ANNA, BO = fictional_number(0), fictional_number(1)
TAKEN = Accepted(None, None)
DENIED = "denied by white- or black-lists"
HEADERS = {
    "X-Kannel-Username": USERNAME,
    "X-Kannel-Password": PASSWORD,
    "X-Kannel-To": ANNA,
    "X-Kannel-From": "RegionVB",
    "Content-Type": "text/plain; charset=UTF-8",
}
BODY = "Påminnelse till Åsa"


def sms(to: str = ANNA, text: str = BODY) -> Sms:
    """Make a message."""
    return Sms("r1", to, text, "RegionVB", timedelta(hours=24))


def test_every_word_of_the_installed_program_is_in_the_table():
    """What smsbox can say stands in its file; words that are new there must be given a meaning here."""
    need_kannel()
    found = {each.decode() for each in re.findall(rb"[ -~]{8,}", Path(program("smsbox")).read_bytes())}
    said = {
        each
        for each in found
        if re.search(
            r", rejected$|^Authorization failed for sendsms$|^\d: |try again|^Sending failed|denied by|^Invalid con",
            each,
        )
    }
    assert len(said) > 20
    assert said == {words for _, words in ANSWERS}


def test_what_kannel_says_to_a_request_that_is_wrong(shared):
    """Each wrong request is answered with the status and the words of the table; nothing of it is sent."""
    changes = [
        ({"X-Kannel-Password": "x"}, (403, "Authorization failed for sendsms")),
        ({"X-Kannel-Username": "x"}, (403, "Authorization failed for sendsms")),
        ({"Content-Type": "application/x-www-form-urlencoded"}, (400, "Invalid content-type")),
        ({"X-Kannel-To": "070-ABC"}, (400, "Number(s) has/have been denied by white- and/or black-lists.")),
        ({"X-Kannel-From": ""}, (400, "Sender missing and no global set, rejected")),
        ({"X-Kannel-Account": "a" * 65}, (400, "Account field misformed or too long, rejected")),
        ({"X-Kannel-Coding": "3"}, (400, "Coding field misformed, rejected")),
        ({"X-Kannel-Validity": "-2"}, (400, "Validity field misformed, rejected")),
    ]
    address = f"{shared.kannel.base_url}/cgi-bin/sendsms"
    without = {key: value for key, value in HEADERS.items() if key != "X-Kannel-To"}
    with httpx.Client(timeout=10) as client:

        def said(headers: dict[str, str]) -> tuple[int, str]:
            answer = client.post(address, headers=headers, content=BODY.encode())
            return answer.status_code, answer.text

        assert [(change, said(HEADERS | change)) for change, _ in changes] == changes
        assert said(without) == NO_RECEIVER
        assert said(HEADERS) == (202, "0: Accepted for delivery")
        assert client.post(f"{shared.kannel.base_url}/sendsms", headers=HEADERS, content=b"x").status_code == 404
    assert {answer for _, answer in changes} < set(ANSWERS)
    assert [message.text for message in shared.arrived(1)] == [BODY]


def test_check_sends_nothing(shared):
    """It tells the right password from a wrong one, and a Kannel that is there from one that is not."""
    assert shared.gateway().check().startswith("Kannel knows the user")
    with pytest.raises(AccountFault):
        shared.gateway(password="wrong").check()
    with pytest.raises(AccountFault):
        shared.gateway(base_url=f"{shared.kannel.base_url}/elsewhere").check()
    assert shared.send(sms()) == [TAKEN]
    assert len(shared.arrived(1)) == 1
    with pytest.raises(SettingsError):
        shared.gateway(base_url=f"http://127.0.0.1:{free_port()}").check()
    assert len(shared.centre.parts) == 1


def test_number_on_a_list_of_the_user(made):
    """The first number that is denied may be denied like every number; once another was taken it is this one."""
    chain = made(user=f'black-list-regex = "^.{BO[1:]}$"')
    assert chain.send(sms(BO), sms(ANNA), sms(BO)) == [Deferred(DENIED), TAKEN, Rejected(DENIED)]


def test_kannel_that_knows_no_plus_sign(made):
    """As in the guide's own example: it denies every number, and no reminder is given up for it."""
    chain = made(signs="0123456789 ")
    assert chain.send(sms(ANNA), sms(BO), sms(ANNA)) == [Deferred(DENIED)] * 3


def test_kannel_that_answers_before_it_has_asked(made):
    """With ``immediate-sendsms-reply`` nobody can tell what the bearerbox makes of the message."""
    chain = made(smsbox="immediate-sendsms-reply = true")
    unknown = Unknown("immediate-sendsms-reply")
    assert chain.send(sms(), sms(BO, "å" * 161)) == [unknown, unknown]
    assert len(chain.arrived(2)) == 2


def test_full_queue(made):
    """What does not fit is certain not to have been taken, and may be tried again."""
    chain = made(away=True, core="sms-outgoing-queue-limit = 2")
    busy = Deferred("Temporal failure, try again later")
    assert chain.send(*[sms()] * 4) == [TAKEN, TAKEN, busy, busy]
    with chain.centre:
        assert len(chain.arrived(2)) == 2
        assert chain.send(sms()) == [TAKEN]
        assert len(chain.arrived(3)) == 3


def test_stopped_centre(chain):
    """Nothing is routable while the centre is stopped by hand."""
    chain.kannel.admin("stop-smsc", smsc="CENTRE")
    assert chain.send(sms()) == [Unknown("Not routable. Do not try again")]
    assert chain.centre.parts == []


def test_what_is_not_routable_may_come_all_the_same(chain):
    """Why that is Unknown: with every centre removed Kannel says no, keeps the message, and sends it after a restart."""
    chain.kannel.admin("remove-smsc", smsc="CENTRE")
    assert chain.send(sms()) == [Unknown("Not routable. Do not try again")]
    chain.kannel.kill()
    chain.kannel.start()
    assert [message.text for message in chain.arrived(1)] == [BODY]
