"""Neither secret nor key, assertion, jti nor token shows itself: not in errors and what hangs on them, not in logs."""

import base64
import json
import logging
import ssl
import traceback
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from token_servers import FHIR_URL, TLS, TOKEN_URL

from fhirnotify.errors import FhirError
from fhirnotify.fhir.auth_key import read_key
from fhirnotify.fhir.auth_secret import ClientSecret
from fhirnotify.fhir.auth_smart import SmartBackend
from fhirnotify.fhir.auth_token import TokenAuth, Tokens
from fhirnotify.fhir.client import Client

SECRET = "Qzkanarie+/="
TOKEN = "Qztoken.abc"


@pytest.fixture(params=["client-credentials", "smart-backend"])
def issuer(request, make_server, tmp_path, rsa_key):
    """An issuer of each kind."""
    if request.param == "client-credentials":
        return ClientSecret(make_server(), TOKEN_URL, "id", SECRET, "system/Patient.rs")
    file = tmp_path / "key.pem"
    file.write_bytes(rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = read_key(file, "k1")
    return SmartBackend(make_server(), key, base_url=FHIR_URL, client_id="id", scope="system/Patient.rs")


@pytest.fixture
def secrets(servers, rsa_key):
    """Give what must not be seen, in every form in which it was written, after the requests are made."""

    def written():
        pem = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        found = {"Qzkanarie", TOKEN, *pem.splitlines()[1:-1]}
        for request, form in zip(servers.token_requests, servers.forms, strict=True):
            found.update(request.headers.get("Authorization", "Basic -").split()[1:])
            if assertion := form.get("client_assertion"):
                found.update(assertion.split("."))
                found.add(json.loads(_payload(assertion))["jti"])
        return found - {"-"}

    return written


def _payload(assertion):
    part = assertion.split(".")[1]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def everything_of(error):
    """Write an error and all that hangs on it."""
    said, todo, seen = [], [error], set()
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        said += [str(one), repr(one), repr(one.args), repr(vars(one)), "".join(traceback.format_exception(one))]
        assert not isinstance(one, httpx.HTTPError), "it carries the request along"
        todo += [one.__cause__, one.__context__]
    return "\n".join(said)


def _caused(error, cause):
    error.__cause__ = cause
    return error


FAULTS = {
    "refused": httpx.Response(401, json={"error": "invalid_client", "error_description": f"{SECRET} {TOKEN}"}),
    "refused with an unknown code": httpx.Response(400, json={"error": TOKEN, "access_token": TOKEN}),
    "HTML": httpx.Response(200, text=f"<html>{TOKEN}"),
    "no JSON": httpx.Response(200, text=f'{{"access_token": "{TOKEN}"'),
    "a token with a line break": httpx.Response(200, json={"access_token": f"{TOKEN}\n", "token_type": "bearer"}),
    "a token of another kind": httpx.Response(200, json={"access_token": TOKEN, "token_type": TOKEN}),
    "a token that has ended": httpx.Response(
        200, json={"access_token": TOKEN, "token_type": "bearer", "expires_in": TOKEN}
    ),
    "fewer scopes": httpx.Response(200, json={"access_token": TOKEN, "token_type": "bearer", "scope": TOKEN}),
    "a redirect": httpx.Response(307, headers={"Location": f"https://elsewhere.test/{TOKEN}?{SECRET}"}),
    "a redirect that is none": httpx.Response(307, headers={"Location": f"http://[{TOKEN}"}),
    "too long": httpx.Response(200, text=TOKEN * 10000),
    "not gzip": httpx.Response(200, stream=httpx.ByteStream(TOKEN.encode()), headers={"Content-Encoding": "gzip"}),
    "down": httpx.ConnectError(SECRET),
    "slow": httpx.ReadTimeout(SECRET),
    "no TLS": _caused(httpx.ConnectError(SECRET), ssl.SSLError(1, SECRET)),
    "a header that cannot be written": httpx.LocalProtocolError(SECRET),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_of_the_token_endpoint_shows_them(servers, issuer, secrets, fault, caplog, capfd):
    """Nor do the libraries, whose errors carry the request and whose logs the address."""
    for name in ("httpx", "httpcore", "joserfc"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    servers.instead.extend([FAULTS[fault]] * 10)
    client = Client(FHIR_URL, timeout=timedelta(seconds=5), attempts=1, auth=TokenAuth(Tokens(issuer)), verify=TLS)
    with pytest.raises(FhirError) as caught:
        client.metadata()
    client.close()
    out = capfd.readouterr()
    seen = "\n".join([everything_of(caught.value), caplog.text, out.out, out.err])
    assert servers.token_requests
    assert [secret for secret in secrets() if secret in seen] == []


def test_no_refusal_of_the_fhir_server_shows_the_token(servers, issuer, secrets, caplog):
    """The request that was refused holds it."""
    caplog.set_level(logging.DEBUG)
    servers.answer_with["access_token"] = TOKEN
    servers.accepts = lambda _: 401
    client = Client(FHIR_URL, timeout=timedelta(seconds=5), attempts=1, auth=TokenAuth(Tokens(issuer)), verify=TLS)
    with pytest.raises(FhirError) as caught:
        client.metadata()
    client.close()
    seen = everything_of(caught.value) + caplog.text
    assert [secret for secret in secrets() if secret in seen] == []


def test_no_object_shows_what_it_holds(servers, issuer, secrets):
    """Whoever prints one sees its name."""
    servers.answer_with["access_token"] = TOKEN
    applications = issuer._ways if isinstance(issuer, ClientSecret) else [issuer._application()]
    tokens = Tokens(issuer)
    token = tokens.current()
    held = [issuer, tokens, token, TokenAuth(tokens), *vars(issuer).values(), *applications]
    seen = "\n".join(f"{one!r} {one}" for one in held)
    assert [secret for secret in secrets() if secret in seen] == []
