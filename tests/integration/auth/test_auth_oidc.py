"""The real command against a real authorization server, and a gate that checks each token, before HAPI."""

import threading
import time

import httpx
import pytest
from oidc_server import SCOPE, OidcServer

pytestmark = pytest.mark.parametrize("kept_server", ["hapi-r4"], indirect=True)


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_a_key_opens_the_gate(job, authorization, gate, key):
    """RS384 and ES384; one token for the whole pass."""
    job.by_key(key, token_url=authorization.token_url)
    summary = job.reminds()
    assert authorization.granted == ["reminders"]
    assert (set(gate.statuses), len(gate.tokens)) == ({200}, 1)
    assert summary["fhir_requests"] == len(gate.statuses) > 5


def test_the_token_endpoint_is_found_by_itself(job, authorization):
    """From the FHIR server's .well-known/smart-configuration, on another origin."""
    job.by_key("ec")
    job.reminds()
    assert authorization.granted == ["reminders"]


@pytest.mark.parametrize("client", ["basic", "post"])
def test_a_secret_opens_the_gate(job, authorization, client):
    """By HTTP Basic, at the first attempt: this server takes that of a client that is registered for the form, too."""
    job.by_secret(client_id=client, token_url=authorization.token_url)
    job.reminds()
    assert (authorization.granted, authorization.refused) == ([client], [])


def test_check_tells_of_the_token_and_does_not_show_it(job, authorization, gate):
    """From where it comes and how long it lasts; what else is found of the server is another matter."""
    job.by_key("rsa")
    _, (findings,), log = job.does("check")
    token, *others = [finding for finding in findings if finding["part"] == "fhir"]
    assert token["what"] == f"{authorization.token_url} gave an access token that lasts 300 s"
    assert (token["level"], log) == ("ok", "")
    assert others
    assert set(gate.statuses) == {200}


def test_a_token_revoked_in_mid_run_is_replaced(job, authorization, gate):
    """One 401, one new token, and the pass goes on as if nothing had been."""
    job.by_key("rsa")
    gate.before_answer = lambda number, claims: gate.revoke(claims) if number == 4 else None
    summary = job.reminds()
    assert (gate.statuses.count(401), len(gate.tokens)) == (1, 2)
    assert authorization.granted == ["reminders"] * 2
    assert summary["fhir_requests"] == len(gate.statuses)


def test_tokens_revoked_for_good_stop_the_run(job, authorization, gate):
    """A server that takes no token any more is asked once with a new one; nothing is sent on half the facts."""
    job.by_key("rsa")

    def revoked_for_good(number, _):
        if number == 4:
            gate.issuer = "somebody else"

    gate.before_answer = revoked_for_good
    said = job.stops()
    assert "refuses the access token, and one that was fetched anew as well" in said, said
    assert "fhir.auth.scope" in said
    assert gate.statuses[-2:] == [401, 401]
    assert gate.statuses.count(401) == 2


def test_a_token_that_ends_in_mid_run_is_renewed_before(job, keys, gate):
    """One that lasts eight seconds is replaced before they are over, without a refusal on the way."""
    with OidcServer(keys.clients, gate.base_url, lifetime=8) as server:
        gate.trust(server.issuer, httpx.get(server.jwks_url).json(), server.token_url)
        ended = threading.Event()

        def slow(number, claims):
            if number == 4:
                ended.wait(max(0.0, claims["exp"] - time.time()))

        gate.before_answer = slow
        job.by_key("rsa")
        job.reminds()
        assert len(server.granted) == len(gate.tokens) > 1
    assert set(gate.statuses) == {200}


REFUSED = {
    "a key that is not registered": ({"key": "unregistered"}, "invalid_client", "registered there"),
    "an unknown client": ({"client_id": "nobody"}, "invalid_client", "fhir.auth.client_id"),
    "an unknown key id": ({"key_id": "other"}, "invalid_client", "key_id"),
    "a scope that is not granted": ({"client_id": "no-consents"}, "invalid_scope", "fhir.auth.scope"),
    "a scope that is dropped": (
        {"scope": f"{SCOPE} system/Encounter.rs"},
        "did not grant system/Encounter.rs",
        "fhir.auth.scope",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_authorization_server_refuses_stops_the_run(job, authorization, gate, what):
    """Exit 3, with its code and the next step; the FHIR server is not asked at all."""
    auth, code, next_step = REFUSED[what]
    job.by_key(**({"key": "ec"} | auth))
    said = job.stops()
    assert code in said
    assert next_step in said
    assert gate.statuses == []


def test_check_tells_of_a_refusal_as_a_run_does(job, authorization, gate):
    """An error of the part ``fhir``, with exit code 3, and the other parts are examined all the same."""
    job.by_key("ec", client_id="nobody")
    ended, (findings,), _ = job.does("check")
    (finding,) = [one for one in findings if one["level"] == "error"]
    assert (ended, finding["part"], finding["exit_code"]) == (3, "fhir", 3)
    assert "(invalid_client)" in finding["what"]
    assert "fhir.auth.client_id" in finding["next_step"]
    assert {one["part"] for one in findings} >= {"ledger", "sms"}
    assert gate.statuses == []


@pytest.mark.parametrize("client", ["basic", "post"])
def test_a_wrong_secret_stops_the_run(job, authorization, gate, client):
    """Shown in both ways, and refused in both."""
    job.by_secret(client_id=client, token_url=authorization.token_url, client_secret_file=None, client_secret="x" * 40)
    assert "invalid_client" in job.stops()
    assert (authorization.granted, len(authorization.refused), gate.statuses) == ([], 2, [])


@pytest.mark.parametrize(
    ("clock", "refused", "said"),
    [
        (600, "jwt expired", "behind the server's: set it right"),
        (-600, "five minutes ahead", "ahead of the server's: set it right"),
    ],
)
def test_clocks_that_differ_are_told_as_the_cause(job, keys, gate, clock, refused, said):
    """An assertion that is expired there, or ends too late, is refused; the message says by how much to set the clock."""
    with OidcServer(keys.clients, gate.base_url, clock=clock) as server:
        job.by_key("rsa", token_url=server.token_url)
        message = job.stops()
    assert refused in server.refused[0]
    assert "invalid_client" in message
    assert said in message


def test_a_token_for_another_server_stops_the_run(job, keys, gate):
    """The authorization server gives one, the FHIR server refuses it, and another like it."""
    with OidcServer(keys.clients, "https://fhir.example.org/other") as server:
        gate.trust(server.issuer, httpx.get(server.jwks_url).json(), server.token_url)
        job.by_key("rsa")
        said = job.stops()
        assert len(server.granted) == 2
    assert "which audience" in said
    assert gate.statuses == [401, 401]


def test_a_scope_that_lacks_consent_stops_at_the_consents(job, authorization, gate):
    """A token that may not read Consent is no reason to go on without them."""
    job.by_key("rsa", client_id="no-consents", scope="system/Appointment.rs system/Patient.rs")
    said = job.stops()
    assert "403 Forbidden" in said
    assert "scope" in said
    assert gate.statuses.count(403) == 1


def test_an_authorization_server_that_is_down_is_told_as_itself(job, authorization):
    """Not as the FHIR server; with the setting that names it."""
    job.by_key("rsa", token_url=authorization.token_url)
    authorization.close()
    said = job.stops()
    assert f"{authorization.issuer} refuses the connection. Tried 2 times." in said
    assert "fhir.auth.token_url" in said


def test_an_address_that_is_no_token_endpoint_is_told(job, authorization):
    """404 from the right server."""
    job.by_key("rsa", token_url=f"{authorization.issuer}/oauth2/token")
    said = job.stops()
    assert "404 Not Found" in said
    assert "fhir.auth.token_url" in said


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        ({"algorithm": "RS384"}, "cannot sign by RS384"),
        ({"private_key_file": "missing.pem"}, "cannot be read"),
        ({"private_key_file": "fhirnotify.toml"}, "no private key"),
        ({"key_id": None}, "key_id is missing"),
    ],
)
def test_a_mistake_of_our_own_is_told_before_anything_is_asked(job, authorization, gate, auth, said):
    """Exit 2; neither server hears of it."""
    job.by_key("ec", **auth)
    assert said in job.stops(2)
    assert (authorization.granted, authorization.refused, gate.statuses) == ([], [], [])
