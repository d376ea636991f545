"""The inbox's page: what a person sees, also without script, and by ear."""

import re
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import httpx
import pytest

from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.elks46 import PASSWORD, USERNAME
from fhirnotify.harness.exchange import Exchange
from fhirnotify.harness.inbox import Inbox
from fhirnotify.harness.inbox_view import SHOWN

ANNA, BO = "+46701740605", "+46701740606"


class Page(HTMLParser):
    """What stands on a page: its tags with their attributes, its text without style and script, its forms' fields."""

    def __init__(self, html):
        super().__init__()
        self.tags = []
        self.text = ""
        self.forms = []
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self._open.append(tag)
        if tag == "form":
            self.forms.append({"action": given["action"], "method": given["method"], "fields": {}})
        if tag in {"input", "select"} and "name" in given:
            self.forms[-1]["fields"][given["name"]] = given.get("value", "")
        if tag == "option" and "selected" in given:
            self.forms[-1]["fields"]["behaviour"] = given["value"]

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "script"} & set(self._open):
            self.text += data

    def all(self, tag):
        """Give the attributes of each such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def inbox():
    """Give an inbox."""
    with Inbox(exchange=Exchange(hang=0.1)) as made:
        yield made


@pytest.fixture
def http(inbox):
    """Give a browser, as far as it goes: it follows redirects and tells where its forms come from."""
    with httpx.Client(base_url=inbox.base_url, follow_redirects=True, headers={"Origin": inbox.base_url}) as client:
        yield client


def send(http, to=ANNA, text="Påminnelse", sender="RegionVB"):
    """Send through 46elks, whatever the answer."""
    form = {"from": sender, "to": to, "message": text}
    return http.post("/46elks/a1/sms", data=form, auth=(USERNAME, PASSWORD))


def seen(http):
    """Give the page."""
    return Page(http.get("/").text)


def submit(http, page, action, **fields):
    """Send the page's form with this action, with some fields filled in."""
    (form,) = [form for form in page.forms if form["action"] == action]
    assert form["method"] == "post"
    assert set(fields) <= set(form["fields"])
    return http.post(action, data=form["fields"] | fields)


def test_an_empty_inbox_says_where_to_send(http, inbox):
    """Who sees it first learns the address that the settings need."""
    text = seen(http).text
    assert "Nothing has come yet" in text
    assert f"{inbox.base_url}/46elks" in text
    assert "Every message is accepted and delivered." in text


def test_messages_stand_newest_first_with_what_a_phone_shows(http):
    """Number, sender, text, local time, and what it costs in segments."""
    send(http, ANNA, "Den första")
    send(http, BO, "Den andra", sender="Region")
    text = seen(http).text
    assert text.index("Den andra") < text.index("Den första")
    for expected in (ANNA, BO, "RegionVB", "Region", "2 messages, 2 segments", "GSM-7", "1 segment", "(10 septets)"):
        assert expected in text
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)


def test_times_are_local(http, inbox):
    """The page tells Stockholm's time, and the instant to programs."""
    send(http)
    at = inbox.messages[0].at
    (told,) = seen(http).all("time")
    assert told["datetime"].endswith("Z")
    page = seen(http).text
    assert f"{at.astimezone(ZoneInfo('Europe/Stockholm')):%Y-%m-%d %H:%M:%S}" in page


def test_segment_borders_are_marked_where_they_fall(http):
    """A text of two segments has one border, told by eye and ear; the text itself stays whole."""
    send(http, text="a" * 152 + "€" + "b" * 20)
    html = http.get("/").text
    pieces = re.findall(r'<span class="segment">([^<]*)</span>', html)
    assert pieces == ["a" * 152, "€" + "b" * 20]
    assert html.count('<span class="cut">') == 1
    assert "(segment 2)" in re.sub(r"\s+", " ", Page(html).text)
    assert "(152 + 22 septets)" in Page(html).text


def test_ucs_2_is_told(http):
    """A name in another script makes it so."""
    send(http, text="Påminnelse till Мария")
    assert "UCS-2" in seen(http).text
    assert "(21 units)" in seen(http).text


NASTY = "<b>Bo</b> & <script>alert(1)</script> \"'{{ 7*7 }}"


def test_everything_is_escaped(http, inbox):
    """A text is text, whatever it holds; so are what is typed into the form and the script's lines."""
    send(http, text=NASTY)
    page = seen(http)
    assert NASTY in page.text
    assert len(page.all("script")) == 1
    refused = Page(http.post("/behaviour", data={"behaviour": '"><b>', "count": NASTY, "to": NASTY}).text)
    (count,) = [field for field in refused.all("input") if field.get("name") == "count"]
    assert count["value"] == NASTY
    assert len(refused.all("b")) == len(page.all("b")) == 1
    assert inbox.exchange.script.lines() == []


def test_the_form_sets_how_the_next_ones_fare(http, inbox):
    """For the next messages, for a number, until changed; each is shown, done, and can be taken back."""
    submit(http, seen(http), "/behaviour", behaviour="throttle", count="2")
    submit(http, seen(http), "/behaviour", behaviour="take-and-break", count="1", to=BO)
    after = Page(submit(http, seen(http), "/behaviour", behaviour="refuse", count="", to=ANNA).text)
    for line in (
        f"Every message to {ANNA}, until changed: Refuse the message",
        f"Next to {BO}: Take it, then answer 500",
        "Next 2: Throttle: try later",
    ):
        assert line in after.text
    answered = [send(http, to).status_code for to in (ANNA, BO, BO, "+46701740607", "+46701740607", ANNA)]
    assert answered == [400, 500, 429, 429, 200, 400]
    cleared = submit(http, seen(http), "/behaviour/clear")
    assert "Every message is accepted and delivered." in cleared.text
    assert inbox.exchange.script.lines() == []


def test_a_mistake_in_the_form_is_told_and_what_was_typed_stays(http):
    """It stands there as an alert, and nothing is set."""
    answer = submit(http, seen(http), "/behaviour", behaviour="hang", count="4", to="070")
    page = Page(answer.text)
    assert answer.status_code == 400
    assert "Write the number as +46701740605." in page.text
    assert "alert" in [attributes.get("role") for _, attributes in page.tags]
    assert page.forms[0]["fields"] == {"behaviour": "hang", "count": "4", "to": "070"}


def test_what_became_of_a_message_is_told(http):
    """Of those that were delivered in a way that the sender cannot know, and those that were not."""
    submit(http, seen(http), "/behaviour", behaviour="take-and-babble")
    submit(http, seen(http), "/behaviour", behaviour="out-of-credit")
    send(http), send(http, BO)
    text = re.sub(r"\s+", " ", seen(http).text)
    assert "the sender was answered something else" in text
    assert f"to {BO} · 46elks: out of credit" in text
    assert "1 message, 1 segment, 1 not delivered" in text


def test_messages_can_be_cleared(http, inbox):
    """By a button that is there when there is something."""
    assert [form["action"] for form in seen(http).forms] == ["/behaviour"]
    send(http)
    assert "Nothing has come yet" in submit(http, seen(http), "/messages/clear").text
    assert inbox.messages == []


def test_many_messages_are_not_all_shown(http, inbox):
    """The newest are, and the page says how many older there are, and where."""
    for number in range(SHOWN + 5):
        inbox.exchange.receive("46elks", Behaviour.ACCEPT, to=ANNA, sender="RegionVB", text=f"nummer {number}.")
    page = seen(http)
    assert "nummer 204." in page.text
    assert "nummer 5." in page.text
    assert "nummer 4." not in page.text
    assert "5 older" in page.text


def test_nothing_comes_from_elsewhere(http):
    """No address of another machine stands on the page, and the browser is told to allow none."""
    answer = http.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert set(re.findall(r"https?://[^/\s\"<]+", answer.text)) == {str(http.base_url).rstrip("/")}
    for tag, attributes in Page(answer.text).tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")], tag


def test_it_can_be_read_by_ear(http):
    """Landmarks, one first heading, a label for each field, a language, and a status that is told when it changes."""
    send(http)
    page = seen(http)
    assert page.all("html") == [{"lang": "en"}]
    assert [tag for tag, _ in page.tags if tag in {"header", "main", "aside", "footer"}] == [
        "header",
        "main",
        "aside",
        "footer",
    ]
    assert len(page.all("h1")) == 1
    labelled = {attributes.get("for") for attributes in page.all("label")}
    fields = page.all("select") + [each for each in page.all("input") if each.get("type") != "checkbox"]
    assert {field["id"] for field in fields} <= labelled
    assert {"id": "counts", "role": "status"} in page.all("p")
    assert {"class": "bubble", "lang": "sv"} in page.all("p")


def test_an_unchanged_page_is_not_sent_again(http):
    """Who follows the page asks with the last one's tag, and gets it only when something is new."""
    tag = http.get("/").headers["ETag"]
    assert http.get("/", headers={"If-None-Match": tag}).status_code == 304
    send(http)
    assert http.get("/", headers={"If-None-Match": tag}).status_code == 200


def contrast(one, other):
    """Give the contrast of two colours, as WCAG 2 defines it."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


ON = [
    ("ink", "paper"),
    ("ink", "ground"),
    ("ink", "bubble"),
    ("ink", "segment"),
    ("ink", "field"),
    ("ink", "warn-ground"),
]
ON += [("quiet", "paper"), ("quiet", "ground"), ("quiet", "field"), ("accent", "paper"), ("accent", "ground")]
ON += [("on-accent", "accent"), ("warn", "warn-ground"), ("error", "paper")]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), ON)
def test_colours_can_be_told_apart(http, theme, ink, ground):
    """At least 4.5 to 1, in the light and in the dark."""
    themes = re.findall(r":root \{(.*?)\}", http.get("/").text, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", themes[theme]))
    assert contrast(colours[ink], colours[ground]) >= 4.5
