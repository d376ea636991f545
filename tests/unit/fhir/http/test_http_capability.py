"""What the server says about itself, and which version follows from it."""

import httpx
import pytest

from fhirnotify.core.model import FhirVersion
from fhirnotify.errors import FhirError
from fhirnotify.fhir.capability import TypeSupport, read_capability


@pytest.mark.parametrize(
    ("written", "version"), [("4.0.1", FhirVersion.R4), ("4.3.0", FhirVersion.R4), ("5.0.0", FhirVersion.R5)]
)
def test_the_version_comes_from_the_capability_statement(server, make_source, written, version):
    """R4B is read as R4: its elements are the same for what we read."""
    server.fhir_version = written
    assert make_source().capability().version is version


@pytest.mark.parametrize("written", ["3.0.2", "4.0.0", "5.0.0-ballot", "6.0.0", "4.0", None, 4, "", {"value": "4.0.1"}])
def test_any_other_version_is_refused(server, source, written):
    """The message names what was found and what is read."""
    server.fhir_version = written
    with pytest.raises(FhirError) as caught:
        _ = source.version
    assert (written if isinstance(written, str) and written else "no stated version") in caught.value.what
    assert "4.0.1" in caught.value.next_step


def test_the_version_of_the_settings_must_agree(server, make_source):
    """Reading R5 by R4's elements would misread a consent."""
    server.fhir_version = "5.0.0"
    with pytest.raises(FhirError, match=r"speaks FHIR 5\.0\.0, and fhir\.version says R4"):
        _ = make_source(version=FhirVersion.R4).version
    assert make_source(version=FhirVersion.R5).capability().version is FhirVersion.R5


def test_it_is_asked_for_once_and_not_before_it_is_needed(server, source, ids):
    """Making a source asks nothing; using it asks once."""
    assert server.requests == []
    ids(source)
    ids(source)
    assert source.capability() is source.capability()
    assert [request.url.path for request in server.requests].count("/fhir/metadata") == 1


def test_it_tells_what_the_server_can_search(server, source):
    """For the command that checks an installation."""
    capability = source.capability()
    assert capability.fhir_version == "4.0.1"
    assert capability.types["Patient"] == TypeSupport(searchable=True, rev_includes=frozenset({"Patient:link"}))


@pytest.mark.parametrize(
    "rest",
    [
        None,
        "x",
        [],
        ["x"],
        [{"mode": "client", "resource": [{"type": "Patient"}]}],
        [{"resource": "x"}],
        [{"resource": [{"type": "Slot"}, {"type": ["Patient"]}]}],
        [{"resource": [{"type": "Patient", "interaction": 1, "searchParam": [1], "searchRevInclude": 1}]}],
    ],
)
def test_a_sparse_statement_promises_nothing(rest):
    """Whatever is missing or malformed counts as not supported."""
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": rest}
    assert read_capability(statement).types["Patient"] == TypeSupport()


def test_a_version_is_made_fit_to_print():
    """No line break or escape sequence of a server's reaches a terminal."""
    statement = {"resourceType": "CapabilityStatement", "fhirVersion": "9\x1b[31m\n" + "x" * 500}
    with pytest.raises(FhirError) as refused:
        read_capability(statement)
    assert refused.value.what.startswith("The server speaks FHIR 9[31mxxx")
    assert refused.value.what.isprintable()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(200, json={"resourceType": "Bundle"}), "CapabilityStatement"),
        (httpx.Response(200, json=[]), "CapabilityStatement"),
        (httpx.Response(200, html="<html>log in</html>"), "HTML or XML"),
        (httpx.Response(200, text="\n<CapabilityStatement/>"), "HTML or XML"),
        (httpx.Response(200), "nothing"),
        (httpx.Response(200, text="hello"), "not JSON"),
        (httpx.Response(404), "404 Not Found"),
        (httpx.Response(204), "204 No Content"),
    ],
)
def test_what_is_not_a_fhir_server_is_found_out_here(server, source, answer, says):
    """With a message that says what came and which setting to look at."""
    server.instead.append(answer)
    with pytest.raises(FhirError, match=says) as caught:
        _ = source.version
    assert "fhir.base_url" in caught.value.next_step or answer.status_code == 204
