"""The inbox's page in a real browser."""

import struct
import threading
import zlib

import httpx
import pytest
from chromium import Browser, need_chromium

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.inbox import Inbox

ANNA, BO = "+46701740605", "+46701740606"
NASTY = "Hej <b>Bo</b> <script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"
LONG = "Påminnelse till Мария: " + "Läs mer i din kallelse om vilken enhet det gäller. " * 6


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Give a browser, if there is one."""
    return Browser(need_chromium(), tmp_path_factory.mktemp("chromium"))


@pytest.fixture
def inbox():
    """Give an inbox that notes what is asked of it."""
    with Inbox() as made:
        yield made


def deliver(inbox, to, text):
    """Let a message be taken."""
    inbox.exchange.receive("46elks", Behaviour.ACCEPT, to=to, sender="RegionVB", text=text)


def test_the_page_is_shown_and_nothing_in_it_is_run(browser, inbox):
    """Every message stands there as text; the page's own policy lets its style and script through, and no other."""
    deliver(inbox, ANNA, LONG)
    deliver(inbox, BO, NASTY)
    document, console = browser.document(inbox.base_url, milliseconds=500)
    assert console == []
    assert "<title>SMS inbox</title>" in document
    assert "Hej &lt;b&gt;Bo&lt;/b&gt; &lt;script&gt;" in document
    assert "<img" not in document
    assert "2 messages" in document


def test_what_comes_later_is_taken_over_without_a_reload(browser, inbox):
    """The page follows: messages, counts and the script change under the eyes of who looks."""
    deliver(inbox, ANNA, "Den första")
    looked = threading.Event()
    draw = inbox._web.handle

    def noted(request):
        answer = draw(request)
        if request.path == "/" and not looked.is_set():
            looked.set()
            deliver(inbox, BO, "Den andra")
            inbox.always(Behaviour.REFUSE)
        return answer

    inbox._web.handle = noted
    document, console = browser.document(inbox.base_url, milliseconds=5000)
    assert console == []
    assert looked.is_set()
    for expected in (
        "Den andra",
        "Den första",
        "2 messages, 2 segments",
        "Every message, until changed: Refuse the message",
    ):
        assert expected in document


def test_nothing_is_asked_of_anybody_else(browser, inbox):
    """All that the page needs is the page."""
    asked = []
    draw = inbox._web.handle
    inbox._web.handle = lambda request: (asked.append(request.path), draw(request))[1]
    deliver(inbox, ANNA, LONG)
    browser.document(inbox.base_url, milliseconds=1000)
    assert set(asked) == {"/"}
    assert httpx.get(inbox.base_url).status_code == 200


def pixels(png):
    """Give width, height and the colour of the first pixel of a PNG."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    data, at = b"", 8
    while at < len(png):
        (length,), name = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        data += png[at + 8 : at + 8 + length] if name == b"IDAT" else b""
        at += 12 + length
    assert (depth, kind) in {(8, 2), (8, 6)}
    return width, height, tuple(zlib.decompress(data)[1:4])


@pytest.mark.parametrize(
    ("dark", "ground"), [(False, (0xE9, 0xED, 0xF1)), (True, (0x0E, 0x11, 0x15))], ids=["light", "dark"]
)
def test_it_is_light_or_dark_as_its_reader_wishes(browser, inbox, dark, ground):
    """A picture is taken, and its ground is that of the wished theme."""
    deliver(inbox, ANNA, LONG)
    assert pixels(browser.picture(inbox.base_url, 1000, 700, dark=dark)) == (1000, 700, ground)
