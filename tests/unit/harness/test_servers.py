"""The servers that there are, by name."""

import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import HarnessError
from fhirnotify.harness import hapi_jars, sekmet, servers
from fhirnotify.harness.servers import PROFILES, make


def test_two_programs_and_both_versions_are_there():
    """Whoever plays everything on every profile has seen R4 and R5, and more than HAPI."""
    assert {profile.version for profile in PROFILES.values()} == set(FhirVersion)
    assert {type(profile) for profile in PROFILES.values()} == {servers.HapiProfile, servers.SekmetProfile}


@pytest.mark.parametrize("name", PROFILES)
def test_each_is_made_by_its_name_and_not_yet_started(name, tmp_path):
    """A server that was made waits to be started, and speaks the version of its profile."""
    server = make(name, directory=tmp_path)
    assert (server.version, server.pid, server.base_url) == (PROFILES[name].version, None, "")


def test_an_unknown_name_is_told_with_those_that_there_are():
    """The message helps to write it right."""
    with pytest.raises(HarnessError, match=r"no server by the name hapi-r3(.|\n)*hapi-r4"):
        make("hapi-r3")


def test_what_is_missing_is_told_with_the_command_that_installs_it(monkeypatch):
    """Each kind of server says what the machine lacks."""
    monkeypatch.setattr(hapi_jars, "missing_programs", lambda: ["java", "mvn"])
    monkeypatch.setattr(sekmet, "is_missing", lambda: True)
    assert PROFILES["hapi-r4"].missing() == f"HAPI FHIR needs java, mvn; install: {hapi_jars.INSTALL}"
    assert PROFILES["sekmet"].missing() == f"The second FHIR server needs sekmet-fhir; install: {sekmet.INSTALL}"


def test_what_lacks_nothing_says_nothing(monkeypatch):
    """Then a test that needs it runs."""
    monkeypatch.setattr(hapi_jars, "missing_programs", list)
    monkeypatch.setattr(sekmet, "is_missing", lambda: False)
    assert {profile.missing() for profile in PROFILES.values()} == {""}
