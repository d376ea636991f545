"""What goes wrong on the way: what is tried again, for how long, and what is said in the end."""

import socket
import ssl
from datetime import timedelta

import httpx
import pytest

from fhirnotify.errors import FhirError
from fhirnotify.fhir.client import Limits
from fhirnotify.fhir.faults import connection_fault
from fhirnotify.fhir.retry import Temporary


def caused(error, cause):
    """Hang a cause on an error, as httpx does."""
    error.__cause__ = cause
    return error


def certificate_error():
    """What the ssl module raises for a certificate that it does not trust."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}


@pytest.mark.parametrize(
    "fault",
    [httpx.Response(status) for status in (408, 425, 429, 500, 502, 503, 504)]
    + [
        httpx.ConnectError("x"),
        httpx.ConnectTimeout("x"),
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.PoolTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.CloseError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.ProxyError("x"),
    ],
    ids=lambda fault: str(fault.status_code) if isinstance(fault, httpx.Response) else type(fault).__name__,
)
def test_a_temporary_fault_is_tried_again(server, source, appointment, ids, waits, fault):
    """A run does not stop for what has passed at the next attempt; the attempts are counted as requests."""
    server.add(appointment("a1"))
    server.instead.extend([None, fault, fault])
    assert ids(source) == ["a1"]
    assert len(waits) == 2
    assert source.requests == 4


@pytest.mark.parametrize(
    "fault",
    [httpx.Response(status) for status in (201, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 407, 409, 410)]
    + [httpx.Response(status) for status in (412, 413, 418, 422, 501, 505, 599)]
    + [
        httpx.UnsupportedProtocol("x"),
        httpx.LocalProtocolError("x"),
        UnicodeError("x"),
    ],
    ids=lambda fault: str(fault.status_code) if isinstance(fault, httpx.Response) else type(fault).__name__,
)
def test_any_other_fault_ends_the_run_at_once(server, source, ids, waits, fault):
    """Asking again would not help, and would hide the cause for minutes."""
    server.instead.extend([None, fault])
    with pytest.raises(FhirError) as caught:
        ids(source)
    assert caught.value.next_step
    assert waits == []
    assert source.requests == 2


@pytest.mark.parametrize(
    ("fault", "may"),
    [(httpx.Response(status), True) for status in (400, 403, 404, 409, 413, 422, 500, 501)]
    + [(httpx.Response(status), False) for status in (302, 401, 407, 429, 502, 503, 504)]
    + [(httpx.Response(200, json={"resourceType": "Bundle", "type": "searchset", "entry": [1]}), True)]
    + [(httpx.ConnectError("x"), False), (httpx.ReadTimeout("x"), False), (httpx.UnsupportedProtocol("x"), False)],
    ids=lambda fault: str(fault.status_code) if isinstance(fault, httpx.Response) else None,
)
def test_which_faults_may_lie_in_what_was_asked_for(server, make_source, ids, fault, may):
    """The others are the endpoint's, or lie in who asks: nothing else would be had either."""
    server.instead.extend([None, fault])
    with pytest.raises(FhirError) as caught:
        ids(make_source(attempts=1))
    assert caught.value.of_what_was_asked is may


@pytest.mark.parametrize(("attempts", "said"), [(1, r"\n"), (2, r" Tried 2 times"), (4, r" Tried 4 times")])
def test_attempts_are_bounded(server, make_source, waits, attempts, said):
    """The message says how often it was tried."""
    server.instead.extend([httpx.ConnectError("x")] * 10)
    source = make_source(attempts=attempts)
    with pytest.raises(FhirError, match=rf"was lost\.{said}"):
        _ = source.version
    assert source.requests == attempts
    assert len(waits) == attempts - 1


def test_waits_grow_at_random_up_to_half_a_minute(server, make_source, waits):
    """Between 0 and 1, 2, 4, 8, 16 and then 30 seconds."""
    server.instead.extend([httpx.ConnectError("x")] * 10)
    with pytest.raises(FhirError):
        _ = make_source(attempts=8).version
    assert all(0 <= wait <= bound for wait, bound in zip(waits, (1, 2, 4, 8, 16, 30, 30), strict=True))
    assert len(set(waits)) > 1


def test_retry_after_is_honoured(server, make_source, waits):
    """The server's wish is a lower bound of the wait."""
    server.instead.append(httpx.Response(503, headers={"Retry-After": "45"}))
    assert make_source().version
    assert waits == [45]


def test_a_longer_wish_than_patience_is_not_waited_for(server, make_source, waits):
    """A scheduled job does not sleep for an hour, and does not ask again before it may either."""
    server.instead.append(httpx.Response(429, headers={"Retry-After": "3600"}))
    source = make_source(limits=Limits(patience=timedelta(minutes=5)))
    with pytest.raises(FhirError, match="429 Too Many Requests"):
        _ = source.version
    assert waits == []
    assert source.requests == 1


@pytest.mark.parametrize(
    ("fault", "what", "next_step"),
    [
        (httpx.ConnectTimeout("x"), "No connection to http://fhir.test within 5 s", "firewall"),
        (httpx.ReadTimeout("x"), "did not answer within 5 s", "fhir.timeout"),
        (httpx.ProxyError("x"), "proxy", "HTTPS_PROXY"),
        (httpx.ReadError("x"), "was lost", "Check"),
        (httpx.Response(401), "401 Unauthorized", "[fhir.auth]"),
        (httpx.Response(403), "403 Forbidden", "scope"),
        (httpx.Response(404), "404 Not Found", "fhir.base_url"),
        (httpx.Response(405), "405 Method Not Allowed", "_search"),
        (httpx.Response(407), "407 Proxy", "HTTPS_PROXY"),
        (httpx.Response(400, json=OUTCOME), "400 Bad Request (processing)", "log"),
        (httpx.Response(400, text="{"), "400 Bad Request", "log"),
        (httpx.Response(400, json="[" * 10), "400 Bad Request", "log"),
        (
            httpx.Response(302, headers={"Location": "https://login.test:99/in?who=Tolvan"}),
            "302",
            "https://login.test:99:",
        ),
        (httpx.Response(302, headers={"Location": "http://["}), "302 Found", "fhir.base_url"),
        (httpx.Response(302, headers={"Location": "http://fhir.test:x/Tolvan"}), "can be written", "fhir.base_url"),
        (httpx.Response(300), "300 Multiple Choices", "log"),
        (httpx.Response(599), "answered with 599", "log"),
        (httpx.Response(500, json=OUTCOME), "500 Internal Server Error (processing)", "log"),
    ],
)
def test_each_fault_says_what_to_do(server, make_source, fault, what, next_step):
    """In words that a person can act on."""
    server.instead.append(fault)
    with pytest.raises(FhirError) as caught:
        _ = make_source(attempts=1).version
    assert what in caught.value.what
    assert next_step in caught.value.next_step
    assert "Tolvan" not in str(caught.value)


@pytest.mark.parametrize(
    ("cause", "kind", "what", "next_step"),
    [
        (ConnectionRefusedError(), Temporary, "http://fhir.test refuses the connection", "running"),
        (socket.gaierror(-2, "x"), Temporary, "host name of http://fhir.test is not found", "name servers"),
        (ssl.SSLEOFError(), Temporary, "was lost", "Check"),
        (ssl.SSLZeroReturnError(), Temporary, "was lost", "Check"),
        (OSError(113, "No route to host"), Temporary, "was lost", "Check"),
        (certificate_error(), FhirError, "not trusted: self-signed certificate", "fhir.tls.ca_file"),
        (ssl.SSLError(1, "x"), FhirError, "No TLS", "fhir.tls.client_cert"),
        (UnicodeError("x"), FhirError, "can be written", "fhir.base_url"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadError])
def test_the_cause_beneath_an_error_is_told(error, cause, kind, what, next_step):
    """The operating system and the TLS library know more than "connection error"; some of it cannot pass."""
    fault = connection_fault(caused(error("x"), cause), "http://fhir.test", 5)
    assert isinstance(fault, kind)
    assert what in fault.what
    assert next_step in fault.next_step


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a client certificate, and got none"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "refuses our certificate: it has expired"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "refuses our certificate: it has been revoked"),
        ("TLSV1_ALERT_UNKNOWN_CA", "refuses our certificate: it does not trust who has signed it"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "refuses our certificate ("),
        ("TLSV1_ALERT_ACCESS_DENIED", "refuses our certificate: it is known, but may not enter"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "No TLS with https://fhir.test: SSLV3_ALERT_HANDSHAKE_FAILURE"),
        ("WRONG_VERSION_NUMBER", "No TLS with https://fhir.test: WRONG_VERSION_NUMBER"),
    ],
)
def test_what_a_server_says_of_our_certificate_is_told(reason, what):
    """The alerts of TLS, as OpenSSL names them; each leads to fhir.tls.client_cert."""
    cause = ssl.SSLError(1, "x")
    cause.reason = reason
    fault = connection_fault(caused(httpx.ReadError("x"), cause), "https://fhir.test", 5)
    assert isinstance(fault, FhirError)
    assert what in fault.what
    assert "fhir.tls.client_cert" in fault.next_step


def test_a_lost_connection_may_be_about_the_certificate():
    """Not every server says so before it hangs up; where there is no TLS it cannot be."""
    for origin, told in (("https://fhir.test", True), ("http://fhir.test", False)):
        fault = connection_fault(httpx.ReadError("x"), origin, 5)
        assert ("fhir.tls.client_cert" in fault.next_step) is told


def test_the_setting_that_an_address_comes_from_is_named():
    """The token endpoint's faults are not the FHIR endpoint's."""
    for error in (
        caused(httpx.ConnectError("x"), socket.gaierror(-2, "x")),
        caused(httpx.ConnectError("x"), ConnectionRefusedError()),
        caused(httpx.ConnectError("x"), certificate_error()),
        httpx.ConnectTimeout("x"),
        httpx.InvalidURL("x"),
    ):
        fault = connection_fault(error, "https://as.test", 5, "fhir.auth.token_url")
        assert "fhir.auth.token_url" in fault.next_step
        assert "fhir.base_url" not in fault.next_step


def test_causes_in_a_circle_come_to_an_end():
    """One exception raised twice can be its own cause's cause."""
    error, cause = httpx.ReadError("x"), OSError("x")
    error.__cause__, cause.__cause__ = cause, error
    assert isinstance(connection_fault(error, "http://fhir.test", 5), Temporary)


def test_what_the_http_library_says_is_not_carried_along(server, source, appointment, ids):
    """Its errors hold the request, address and all; a traceback that shows causes must not find them."""
    server.max_page = 1
    server.add(appointment("a1"), appointment("a2"))
    server.instead.extend([None, None, *[httpx.ReadTimeout("x")] * 4])
    with pytest.raises(FhirError) as caught:
        ids(source)
    error = caught.value
    while error is not None:
        assert not isinstance(error, httpx.HTTPError)
        error = error.__cause__ or error.__context__


def test_every_transport_error_of_the_http_library_has_words():
    """A kind that httpx adds later is at least a lost connection; those that cannot pass are known by name."""
    fatal = {httpx.UnsupportedProtocol, httpx.LocalProtocolError}
    for kind in subclasses(httpx.TransportError):
        fault = connection_fault(kind("x"), "http://fhir.test", 5)
        assert isinstance(fault, FhirError if kind in fatal else Temporary), kind
        assert fault.next_step


def subclasses(kind):
    """All kinds below one that are themselves raised."""
    below = kind.__subclasses__()
    return {one for one in below if not one.__subclasses__()}.union(*(subclasses(one) for one in below))
