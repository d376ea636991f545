"""What is sent, where to, and what is never sent."""

import base64
import logging
from datetime import timedelta

import httpx
import pytest

from fhirnotify.errors import IncompleteRead, SettingsError
from fhirnotify.fhir.auth import basic, bearer
from fhirnotify.fhir.client import Client, Limits

SECOND = timedelta(seconds=1)


def test_every_request_asks_for_fresh_fhir_json(server, source, ids):
    """HAPI answers from a cache without ``no-cache``, and some servers with XML without ``Accept``."""
    ids(source)
    for request in server.requests:
        assert request.headers["Accept"] == "application/fhir+json"
        assert request.headers["Cache-Control"] == "no-cache"
        assert request.headers["Accept-Encoding"] == "gzip"
        assert request.headers["User-Agent"].startswith("fhirnotify/")


def test_no_address_holds_what_is_searched_for(server, source):
    """Identifiers travel in the body alone, where no proxy logs them."""
    source.patients(["p1"])
    source.consents(["p1"])
    source.appointments_by_id(["a1"])
    searches = server.requests[1:]
    assert {str(request.url) for request in searches} == {
        f"http://fhir.test/fhir/{name}/_search" for name in ("Patient", "Consent", "Appointment")
    }
    assert {request.method for request in searches} == {"POST"}
    assert {request.headers["Content-Type"] for request in searches} == {"application/x-www-form-urlencoded"}


def test_the_http_libraries_log_no_address(server, make_source, appointment, ids, caplog):
    """Httpx writes every address at INFO, those of next pages with their query strings too."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))
    ids(make_source(page_size=2))
    assert len(server.requests) == 3
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (bearer("t0ken.part-2~"), "Bearer t0ken.part-2~"),
        (basic("region", "å:b"), "Basic " + base64.b64encode("region:å:b".encode()).decode()),
        (None, None),
    ],
)
def test_every_request_is_signed(server, make_source, appointment, ids, auth, header):
    """The CapabilityStatement, searches and next pages alike."""
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))
    ids(make_source(page_size=2, auth=auth))
    assert [request.headers.get("Authorization") for request in server.requests] == [header] * 3


@pytest.mark.parametrize("token", ["", "two words", "line\n", "tab\t", "å", "nul\x00"])
def test_a_token_that_cannot_stand_in_a_header_is_refused_at_once(token):
    """The HTTP library would repeat it in its error; ours does not."""
    with pytest.raises(SettingsError) as caught:
        bearer(token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize("username", ["", "a:b"])
def test_a_user_name_that_cannot_be_sent_is_refused_at_once(username):
    """A colon would move the rest of the name into the password (RFC 7617)."""
    with pytest.raises(SettingsError):
        basic(username, "secret")


@pytest.mark.parametrize(
    "link",
    [
        "http://fhir.test/fhir?_getpages=0&_getpagesoffset=2&x=a%2Bb",
        "http://fhir.test:80/fhir?_getpages=0&_getpagesoffset=2",
        "HTTP://FHIR.test/fhir?_getpages=0&_getpagesoffset=2",
        "?_getpages=0&_getpagesoffset=2",
        "/fhir?_getpages=0&_getpagesoffset=2",
        "http://fhir.test/elsewhere?_getpages=0&_getpagesoffset=2",
    ],
)
def test_a_next_page_within_the_origin_is_followed(server, make_source, appointment, ids, link):
    """Also under another path, and as a relative address; its query stays as it stands."""
    server.next_is = lambda _: link
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))
    assert ids(make_source(page_size=2)) == ["a1", "a2", "a3", "a4"]
    assert server.requests[-1].url.query == link.partition("?")[2].encode()


@pytest.mark.parametrize(
    "link",
    [
        "https://fhir.test/fhir?_getpages=0&name=Tolvan",
        "http://evil.test/fhir?_getpages=0&name=Tolvan",
        "http://fhir.test:8080/fhir?_getpages=0&name=Tolvan",
        "http://fhir.test.evil.test/fhir?_getpages=0&name=Tolvan",
        "http://fhir.test@evil.test/fhir?_getpages=0&name=Tolvan",
        "http://evil.test\\@fhir.test/fhir?_getpages=0&name=Tolvan",
        "http://other:person@fhir.test/fhir?_getpages=0&name=Tolvan",
        "//evil.test/fhir?_getpages=0&name=Tolvan",
        "file:///fhir?name=Tolvan",
        "ftp://fhir.test/?name=Tolvan",
        "http://[fhir.test/?name=Tolvan",
        "http://fhir.test:port/?name=Tolvan",
        "http://fhir.test/\x00?name=Tolvan",
    ],
)
def test_a_next_page_elsewhere_is_never_asked_for(server, make_source, appointment, ids, link):
    """Credentials never leave the origin; the message says what to set and repeats nothing of the link."""
    server.next_is = lambda _: link
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 5)))
    with pytest.raises(IncompleteRead, match=r"leads away from http://fhir\.test") as caught:
        ids(make_source(page_size=2, auth=bearer("secret")))
    assert len(server.requests) == 2
    assert "fhir.base_url" in caught.value.next_step
    assert "Tolvan" not in str(caught.value)
    assert "evil" not in str(caught.value)


def test_pages_in_a_circle_are_an_incomplete_read(server, make_source, appointment, ids):
    """A link that was followed before is not followed again."""
    server.next_is = lambda link: link.replace("offset=4", "offset=2")
    server.add(*(appointment(f"a{n}", minutes=n) for n in range(1, 9)))
    with pytest.raises(IncompleteRead, match="in a circle"):
        ids(make_source(page_size=2))
    assert len(server.requests) == 3


def test_pages_without_end_are_an_incomplete_read(server, make_source, appointment, ids):
    """Links that are always new stop at the limit."""
    server.add(appointment("a1"))
    count = iter(range(1000))
    server.edit = lambda bundle: bundle.update(
        link=[{"relation": "next", "url": f"/fhir?_getpages=0&_getpagesoffset=0&x={next(count)}"}]
    )
    with pytest.raises(IncompleteRead, match="no end"):
        ids(make_source(limits=Limits(pages=5)))
    assert len(server.searches("Appointment")) == 1
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("base_url", "asked"),
    [
        ("http://fhir.test/fhir", "http://fhir.test/fhir/metadata"),
        ("http://fhir.test/fhir/", "http://fhir.test/fhir/metadata"),
        ("http://fhir.test", "http://fhir.test/metadata"),
        ("HTTP://fhir.test:80/a%20b/", "http://fhir.test/a%20b/metadata"),
    ],
)
def test_the_base_may_end_with_a_slash_or_not(server, make_source, base_url, asked):
    """Requests go under it either way."""
    server.instead.append(httpx.Response(200, json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}))
    make_source(base_url).capability()
    assert str(server.requests[0].url) == asked


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "fhir.test/fhir",
        "file:fixtures",
        "ftp://fhir.test/",
        "http://",
        "http://u:secret@fhir.test/",
        "http://fhir.test:x/",
        "http://fhir.test/?x=secret",
        "http://fhir.test/#secret",
        "http://\x00secret/",
        f"http://{'å' * 80}.test/",
    ],
)
def test_what_is_no_base_address_is_refused_at_once(make_source, base_url):
    """The message says how to write it, and repeats nothing: it may hold a password."""
    with pytest.raises(SettingsError) as caught:
        make_source(base_url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "origin"),
    [
        ("https://fhir.test/fhir", "https://fhir.test"),
        ("https://fhir.test:8443/fhir", "https://fhir.test:8443"),
        ("http://[::1]:8080/fhir", "http://[::1]:8080"),
    ],
)
def test_messages_name_the_origin_alone(base_url, origin):
    """Scheme, host, and the port where it is not the usual one."""
    client = Client(base_url, timeout=SECOND, attempts=1)
    assert client.origin == origin
    client.close()
