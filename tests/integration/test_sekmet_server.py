"""The second FHIR server, sekmet: it starts by itself, answers, and ends; and its links may lead elsewhere."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness import sekmet
from fhirnotify.harness.seed import remove, seed
from fhirnotify.harness.sekmet import SekmetServer
from fhirnotify.harness.world import ordinary_world

NOW = datetime(2065, 3, 2, 10, tzinfo=UTC)
STARTS_AND_WAITS = """
import sys, time
from fhirnotify.harness.sekmet import SekmetServer
with SekmetServer() as server:
    print(server.pid, server.base_url, flush=True)
    time.sleep(600)
"""

pytestmark = [
    pytest.mark.skipif(
        sekmet.is_missing() and os.environ.get("CI") != "true", reason=f"sekmet-fhir is missing: {sekmet.INSTALL}"
    )
]


def ids(base_url: str, query: str) -> list[str]:
    """Give the ids of the matches on the first page of a search."""
    with urlopen(f"{base_url}/{query}", timeout=30) as answer:
        return [entry["resource"]["id"] for entry in json.load(answer).get("entry", ())]


def world():
    """Give a world of a few visits."""
    return ordinary_world(NOW, FhirVersion.R4, 12, prefix="srv")


def run_job(installation, base_url):
    """Run the real command against a server, in small pages."""
    fhir = {"base_url": base_url, "page_size": 5}
    installation.configure(world().settings, {"fhir": fhir, "sms": {"rate": 1000}})
    return installation.run(NOW)


def test_what_is_put_is_found_and_taken_away(tmp_path):
    """It takes resources by our ids, finds them by patient, and no longer when they are taken away."""
    with SekmetServer() as server:
        resources = world().resources
        assert len(seed(server.base_url, resources)) == len(resources)
        assert ids(server.base_url, "Appointment?patient=Patient/srv-0-p") == ["srv-0-a"]
        remove(server.base_url, resources)
        with pytest.raises(HTTPError, match="410"):
            urlopen(f"{server.base_url}/Patient/srv-0-p", timeout=30)


def test_the_job_reads_page_by_page(installation):
    """Its links lead to itself, so that the job reads it all."""
    with SekmetServer() as server:
        seed(server.base_url, world().resources)
        done = run_job(installation, server.base_url)
    assert world().differences(done.rows) == []
    assert (done.exit_code, done.summary["sent"]) == (0, 12)


def test_links_by_another_name_are_not_followed(installation):
    """A base_url left as it is by default, as real servers behind proxies have it: an incomplete read, nothing sent."""
    with SekmetServer(settings={"base_url": "http://localhost:8090/fhir"}) as server:
        seed(server.base_url, world().resources)
        done = run_job(installation, server.base_url)
    assert (done.exit_code, done.summary["complete"], done.summary["sent"]) == (3, False, 0)
    assert installation.outbox() == []


def test_it_can_demand_a_token():
    """In SMART mode it tells how to get a token, and gives nothing without one."""
    client = {"client_id": "fhirnotify", "client_secret": "secret", "scopes": "system/*.rs"}
    with SekmetServer(settings={"server_auth": {"types": ["smart"], "smart_clients": [client]}}) as server:
        with urlopen(f"{server.base_url}/.well-known/smart-configuration", timeout=30) as answer:
            assert json.load(answer)["token_endpoint"] == f"{server.base_url.removesuffix('/fhir')}/auth/token"
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{server.base_url}/Appointment", timeout=30)


def test_it_ends_when_told_and_leaves_nothing(tmp_path, monkeypatch):
    """After a stop its process, its port and its temporary directory are gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    server = SekmetServer()
    base_url = server.start()
    process = server.pid
    server.stop()
    assert (server.pid, server.base_url, list(tmp_path.iterdir())) == (None, "", [])
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    with pytest.raises(URLError):
        urlopen(f"{base_url}/metadata", timeout=30)


def test_it_ends_when_its_owner_is_killed():
    """An owner that dies at once leaves no server behind."""
    owner = subprocess.Popen([sys.executable, "-c", STARTS_AND_WAITS], stdout=subprocess.PIPE, text=True)
    process, base_url = owner.stdout.readline().split()
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.monotonic() + 30
    while is_serving(base_url):
        assert time.monotonic() < deadline, f"process {process} still serves"
        time.sleep(0.05)


def is_serving(base_url: str) -> bool:
    """Tell whether a server answers."""
    try:
        urlopen(f"{base_url}/metadata", timeout=30).close()
    except (URLError, ConnectionError):
        return False
    return True


def test_one_that_cannot_start_is_told(tmp_path):
    """Settings that it refuses: the log is kept and named."""
    server = SekmetServer(settings={"server_auth": {"types": ["unheard-of"]}}, directory=tmp_path)
    with pytest.raises(HarnessError, match=r"sekmet-fhir R4 server ended while it started(.|\n)*R4\.log"):
        server.start()
    assert "unheard-of" in (tmp_path / "R4.log").read_text()


def test_without_the_package_the_installing_command_is_told(monkeypatch, tmp_path):
    """What is missing is named, with the command that installs it, and no directory is left."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(HarnessError, match=r"not installed here(.|\n)*pip install 'sekmet-fhir>=0.1.1'"):
        SekmetServer().start()
    assert list(tmp_path.iterdir()) == []
