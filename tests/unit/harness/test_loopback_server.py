"""The stand-ins' server on the loopback: what it writes, how it ends, and who reaches it past a region's proxy."""

import threading

import httpx
import pytest

from fhirnotify.errors import FhirError
from fhirnotify.harness.installation import Installation
from fhirnotify.harness.loopback import LoopbackServer, Reply, is_loopback
from fhirnotify.harness.proxy import Asked, HostileProxy
from fhirnotify.harness.seed import seed

NOBODY = "http://127.0.0.1:9"
"""A proxy that nobody runs."""
PATIENT = {"resourceType": "Patient", "id": "p"}


@pytest.fixture
def behind_a_proxy(monkeypatch):
    """Be on a network where everything goes through a proxy, and nothing is said of exceptions."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, NOBODY)
        monkeypatch.setenv(name.upper(), NOBODY)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


def environment_of_a_child(directory, monkeypatch):
    """Give the environment in which the command is started."""
    seen = {}
    monkeypatch.setattr("fhirnotify.harness.installation.subprocess.Popen", lambda *_, env, **__: seen.update(env))
    Installation(directory, {"FHIRNOTIFY_FHIR__TOKEN": "given"}).start()
    return seen


@pytest.mark.parametrize(("status", "said"), [(200, "200 OK"), (520, "520 Unassigned")])
def test_any_status_can_be_answered(status, said):
    """Also one that no standard names."""
    assert Reply(status).head.startswith(f"HTTP/1.1 {said}\r\n".encode())


def test_a_handler_at_work_comes_to_its_end_before_the_server_is_closed():
    """What it uses may be closed after that."""
    began, ended = threading.Event(), threading.Event()

    def slow(_):
        began.set()
        server.closing.wait(30)
        ended.wait(0.2)
        ended.set()
        return Reply(200)

    def ask():
        with pytest.raises(httpx.HTTPError), httpx.Client(trust_env=False) as client:
            client.get(server.base_url)

    with LoopbackServer(slow) as server:
        asking = threading.Thread(target=ask)
        asking.start()
        assert began.wait(10)
    assert ended.is_set()
    asking.join()


def test_a_proxy_that_was_closed_is_a_server_out_of_reach():
    """A handler that outlived it answers, and does not die."""
    answers = []

    def late(asked: Asked, server):
        server.close()
        answers.append(server.ask(asked))
        return answers[0]

    with LoopbackServer(lambda _: Reply(200)) as upstream, HostileProxy(upstream.base_url, late) as proxy:
        assert httpx.get(proxy.base_url, trust_env=False).status_code == 502
    assert answers


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8080/fhir", True),
        ("http://localhost/fhir", True),
        ("http://[::1]:1/fhir", True),
        ("https://fhir.example.org/fhir", False),
        ("https://127.0.0.1.example.org/fhir", False),
    ],
)
def test_what_is_on_this_machine(url, here):
    """Told by the host alone."""
    assert is_loopback(url) is here


@pytest.mark.usefixtures("behind_a_proxy")
def test_the_proxy_of_a_region_is_not_asked_for_the_loopback():
    """Neither when a server is seeded, nor between the proxy with the faults and its server."""

    def answer(request):
        body = (
            b'{"entry": [{"response": {"status": "201", "etag": "W/\\"7\\""}}]}' if request.method == "POST" else b"{}"
        )
        return Reply(200, body, {"Content-Type": "application/fhir+json"})

    with LoopbackServer(answer) as server, HostileProxy(server.base_url) as proxy:
        assert seed(server.base_url, [PATIENT]) == {"Patient/p": "7"}
        assert httpx.get(f"{proxy.base_url}/Patient/p", trust_env=False).status_code == 200


@pytest.mark.usefixtures("behind_a_proxy")
def test_another_machine_is_asked_through_the_proxy():
    """The region's network knows no other way."""
    with pytest.raises(FhirError, match=r"fhir\.example\.org"):
        seed("http://fhir.example.org/fhir", [PATIENT])


@pytest.mark.usefixtures("behind_a_proxy")
@pytest.mark.parametrize(
    ("before", "after"), [(None, "127.0.0.1,localhost"), ("a.example.org", "a.example.org,127.0.0.1,localhost")]
)
def test_the_command_reaches_the_loopback_past_the_proxy(tmp_path, monkeypatch, before, after):
    """Beside the exceptions that are named already."""
    if before:
        monkeypatch.setenv("NO_PROXY", before)
    seen = environment_of_a_child(tmp_path, monkeypatch)
    assert (seen["NO_PROXY"], seen["no_proxy"], seen["http_proxy"]) == (after, after, NOBODY)


@pytest.mark.parametrize("name", ["FHIRNOTIFY_SMS__PROVIDER", "fhirnotify_sms__provider", "FhirNotify_Sms__Provider"])
def test_settings_of_whoever_plays_do_not_reach_the_command(tmp_path, monkeypatch, name):
    """However they are written; those that are given to the installation do."""
    monkeypatch.setenv(name, "twilio")
    seen = environment_of_a_child(tmp_path, monkeypatch)
    assert name not in seen
    assert seen["FHIRNOTIFY_FHIR__TOKEN"] == "given"
