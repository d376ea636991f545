"""Connections that are slow, silent, reset, refused or no HTTP."""

from itertools import repeat

from fhirnotify.harness.faults.fault import Fault, instead, on
from fhirnotify.harness.loopback import Pieces, Raw, Silence, head
from fhirnotify.harness.proxy import FHIR_JSON, METADATA, Act, Asked, Refuse, Sent, Server

_APPOINTMENT, _PATIENT, _CONSENT = "Appointment", "Patient", "Consent"
_DRIP = 0.25
"""Seconds between pieces: less than any timeout that can be set, so that none of them is too late."""
_SILENT = Silence(3600.0)
_HANG_UP = Raw(b"")


def _dripping(asked: Asked, server: Server) -> Sent:
    """Send the answer in eight pieces: slow, but each in time."""
    whole = bytes(server.ask(asked))
    size = len(whole) // 8 + 1
    return Pieces([whole[at : at + size] for at in range(0, len(whole), size)], pause=_DRIP)


def _for_ever(_asked: Asked, _server: Server) -> Sent:
    start = head(200, {"Content-Type": FHIR_JSON}) + b"{"
    return Pieces((piece for pieces in ([start], repeat(b" ")) for piece in pieces), pause=_DRIP)


def _cut(*, reset: bool) -> Act:
    """End the connection in the middle of the body."""

    def act(asked: Asked, server: Server) -> Sent:
        whole = bytes(server.ask(asked))
        return Pieces([whole[: len(whole) // 2]], pause=_DRIP, reset=reset)

    return act


def _closing(asked: Asked, server: Server) -> Sent:
    """Close the connection after the answer, without having said so."""
    return Raw(bytes(server.ask(asked)))


FAULTS = (
    Fault(
        "slow-to-begin-once",
        "keeps silent once, for longer than the client waits",
        "none-forgotten",
        on(_APPOINTMENT, instead(_SILENT), page=2, nth=1),
    ),
    Fault(
        "slow-to-begin-always",
        "keeps silent from the second page on",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_SILENT), page=2),
    ),
    Fault(
        "slow-metadata-once",
        "keeps silent once when asked for its CapabilityStatement",
        "none-forgotten",
        on(METADATA, instead(_SILENT), nth=1),
    ),
    Fault(
        "silent-about-consents",
        "keeps silent when asked for Consents",
        "consent-or-silence",
        on(_CONSENT, instead(_SILENT)),
    ),
    Fault(
        "slow-in-pieces",
        "sends its answers in pieces, with pauses, but to the end",
        "none-forgotten",
        on(_APPOINTMENT, _dripping),
    ),
    Fault(
        "dripping-for-ever",
        "sends a byte now and then, and never ends",
        "a-loud-failure",
        on(_APPOINTMENT, _for_ever, page=2),
        minutes=6,
    ),
    Fault(
        "hangs-up-once",
        "hangs up once instead of answering",
        "none-forgotten",
        on(_APPOINTMENT, instead(_HANG_UP), page=2, nth=1),
    ),
    Fault(
        "hangs-up-always",
        "hangs up instead of answering, from the second page on",
        "a-loud-failure",
        on(_APPOINTMENT, instead(_HANG_UP), page=2),
    ),
    Fault(
        "reset-midway-once",
        "resets the connection once in the middle of an answer",
        "none-forgotten",
        on(_APPOINTMENT, _cut(reset=True), page=2, nth=1),
    ),
    Fault(
        "reset-midway-always",
        "resets the connection in the middle of each second page",
        "a-loud-failure",
        on(_APPOINTMENT, _cut(reset=True), page=2),
    ),
    Fault(
        "consents-reset-midway",
        "resets the connection in the middle of the Consents",
        "consent-or-silence",
        on(_CONSENT, _cut(reset=True)),
    ),
    Fault(
        "closed-midway-once",
        "closes the connection once in the middle of an answer",
        "none-forgotten",
        on(_PATIENT, _cut(reset=False), nth=1),
    ),
    Fault(
        "refused-midway",
        "dies before the second page: every connection is refused",
        "a-loud-failure",
        on(_APPOINTMENT, instead(Refuse()), page=2),
    ),
    Fault(
        "keep-alive-broken",
        "closes the connection after each answer, without having said so",
        "none-forgotten",
        on(None, _closing),
    ),
    Fault(
        "no-http",
        "answers in what is no HTTP",
        "a-loud-failure",
        on(_APPOINTMENT, instead(Raw(b"SSH-2.0-OpenSSH_9.6\r\n")), page=2),
    ),
)
