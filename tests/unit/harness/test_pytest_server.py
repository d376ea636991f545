"""The server that the tests of a pytest session share: manners where it belongs to somebody, and what is said."""

import json
import re
from types import SimpleNamespace

import pytest

from fhirnotify.errors import HarnessError
from fhirnotify.harness import servers
from fhirnotify.harness.guest import RUN, TAG
from fhirnotify.harness.loopback import LoopbackServer, Reply
from fhirnotify.harness.pytest_server import Server, SharedServer

pytest_plugins = "pytester"

JSON = {"Content-Type": "application/fhir+json"}
OURS = {"system": RUN, "code": "20260101T000000Z-host-1"}
PATIENT = {"resourceType": "Patient", "id": "p"}
PLACE = {"resourceType": "Location", "id": "l"}


class FhirServer:
    """A server that takes transactions, gives a resource by its id, and every one of a type."""

    def __init__(self):
        self.held = {}
        self.searches = 0

    def hold(self, resource, *tags):
        """Hold a resource."""
        self.held[f"{resource['resourceType']}/{resource['id']}"] = resource | {"meta": {"tag": list(tags)}}

    def __call__(self, request):
        """Answer."""
        if request.path.endswith("/_search"):
            self.searches += 1
            found = [each for key, each in self.held.items() if key.startswith(request.path.split("/")[1])]
            entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
            answer = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
        elif request.method == "GET":
            answer = self.held.get(request.path.removeprefix("/"))
        else:
            answer = {"entry": [self._do(each) for each in json.loads(request.body)["entry"]]}
        return Reply(404) if answer is None else Reply(200, json.dumps(answer).encode(), JSON)

    def _do(self, entry):
        if entry["request"]["method"] == "PUT":
            self.held[entry["request"]["url"]] = entry["resource"]
        else:
            self.held.pop(entry["request"]["url"], None)
        return {"response": {"status": "200"}}


@pytest.fixture
def there():
    """Give what a server holds."""
    return FhirServer()


@pytest.fixture
def url(there):
    """Give the address of that server."""
    with LoopbackServer(there) as server:
        yield server.base_url


def shared(fhir, write_to=None, plugins=()):
    """Give the server of a session with these options."""
    options = {"--fhirnotify-fhir": fhir, "--fhirnotify-write-to": write_to}
    manager = SimpleNamespace(get_plugin=dict(plugins).get)
    return SharedServer(SimpleNamespace(getoption=options.get, pluginmanager=manager))


def test_what_is_put_carries_the_tags_of_the_harness_and_is_taken_away(there, url):
    """Beside those of its own; the resource of the test is left as it was."""
    own = {"system": "urn:example", "code": "x"}
    patient = PATIENT | {"meta": {"tag": [own]}}
    server = Server(shared(url))
    server.put(patient, PLACE)
    assert [tag["system"] for tag in there.held["Patient/p"]["meta"]["tag"]] == [
        "urn:example",
        TAG.partition("|")[0],
        RUN,
    ]
    assert [tag["system"] for tag in there.held["Location/l"]["meta"]["tag"]] == [TAG.partition("|")[0], RUN]
    assert patient["meta"]["tag"] == [own]
    server.clear()
    assert there.held == {}


def test_nothing_is_put_beside_patients_of_others(there, url):
    """Neither the first time nor when it is tried again."""
    there.hold(PATIENT | {"id": "somebody"})
    server = Server(shared(url))
    for _ in range(2):
        with pytest.raises(HarnessError, match="not the harness's own"):
            server.put(PLACE)
    server.clear()
    assert list(there.held) == ["Patient/somebody"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_who_says_it_twice_may_write_beside_them(there, url, slash):
    """With the same URL once more."""
    there.hold(PATIENT | {"id": "somebody"})
    server = Server(shared(url, write_to=url + slash))
    server.put(PATIENT)
    server.clear()
    assert list(there.held) == ["Patient/somebody"]


def test_another_url_is_not_the_same_said_twice(there, url):
    """A server is never written to by mistake."""
    there.hold(PATIENT | {"id": "somebody"})
    with pytest.raises(HarnessError, match="not the harness's own"):
        Server(shared(url, write_to=f"{url}/other")).put(PLACE)


@pytest.mark.parametrize("twice", [False, True])
def test_nothing_takes_the_place_of_what_belongs_to_others(there, url, twice):
    """What stands there by the same id stays, also when the test ends."""
    there.hold(PLACE | {"name": "theirs"})
    server = Server(shared(url, write_to=url if twice else None))
    with pytest.raises(HarnessError, match="a Location by the id"):
        server.put(PLACE)
    server.clear()
    assert there.held["Location/l"]["name"] == "theirs"


def test_what_is_the_harness_s_own_may_be_changed(there, url):
    """What this test put, and what an earlier one left; Patients are looked for once a session."""
    there.hold(PATIENT, OURS)
    session = shared(url)
    for _ in range(2):
        server = Server(session)
        server.put(PATIENT | {"active": False})
        server.put(PATIENT | {"active": True})
        assert there.held["Patient/p"]["active"] is True
        server.clear()
    assert (there.held, there.searches) == ({}, 1)


class Started:
    """A server that is started by the session, and tells of it."""

    base_url = "http://127.0.0.1:9/fhir"

    def __init__(self, progress):
        self._progress = progress

    def start(self):
        """Tell."""
        self._progress("fetching HAPI FHIR")

    def stop(self):
        """Do nothing."""


def test_a_start_is_told_where_nobody_reports(monkeypatch, capsys):
    """The first of all fetches hundreds of megabytes: not without a word, in a worker of pytest-xdist either."""
    monkeypatch.setattr(servers, "make", lambda _, progress: Started(progress))
    session = shared("hapi-r4")
    assert session.base_url() == Started.base_url
    assert capsys.readouterr().err == "fhirnotify: fetching HAPI FHIR\n"


def test_a_start_is_told_while_the_test_waits(pytester):
    """Past pytest's capture, and before the test has ended."""
    pytester.makeconftest(
        """
        from fhirnotify.harness import servers
        class Started:
            base_url = "http://127.0.0.1:9/fhir"
            def __init__(self, progress): self.progress = progress
            def start(self): self.progress("fetching HAPI FHIR")
            def stop(self): pass
        servers.make = lambda _, progress: Started(progress)
        """
    )
    pytester.makepyfile("def test_it(fhir_server): print('captured')")
    done = pytester.runpytest_subprocess()
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines(["fhirnotify: fetching HAPI FHIR"])
    assert not re.search("captured", done.stdout.str())
