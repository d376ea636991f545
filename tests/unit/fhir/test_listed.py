"""The lists of Locations and Patients by which Appointments are asked for."""

import os

import pytest

from fhirnotify.errors import FhirError, IncompleteRead, SettingsError
from fhirnotify.fhir.listed import Listed, Roster, nobody_known


@pytest.fixture
def listed(tmp_path):
    """Make a list of Patients out of the bytes of a file."""

    def make(content, kind="Patient"):
        (tmp_path / "ids.txt").write_bytes(content)
        return Listed(kind, "fhir.patients_file", file=tmp_path / "ids.txt")

    return make


@pytest.mark.parametrize(
    ("content", "ids"),
    [
        (b"1\n2\n", ["1", "2"]),
        (b"1\r\n2", ["1", "2"]),
        (b"\xef\xbb\xbf1\n", ["1"]),
        (b"Patient/a-b.c\n  Patient/2  \n", ["a-b.c", "2"]),
        (
            b"# ward 3\n\n1 # moved\n\t#2\n3 # new\n",
            ["1", "3"],
        ),
        ("# förteckning över patienter\n1\n1\n".encode(), ["1", "1"]),
    ],
)
def test_a_file_has_one_id_a_line(listed, content, ids):
    """With or without the type, blanks, comments and empty lines left out; nothing is made of what stands twice."""
    found = listed(content)
    found.check()
    assert list(found.read()) == ids


@pytest.mark.parametrize(
    "line", ["a b", "a_b", "Location/1", "Patient/x/y", "x" * 65, "Patient/1/_history/2", "1#2", "1,2"]
)
def test_a_line_that_is_no_id_is_refused_by_its_number(listed, line):
    """Never by what stands there: it may be anything."""
    with pytest.raises(
        SettingsError, match=r"fhir\.patients_file: line 3 of .*ids\.txt is not the id of a Patient"
    ) as caught:
        listed(f"# ids\n1\n{line}\n".encode()).check()
    assert line not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nobody\n"])
def test_an_empty_list_is_refused(listed, content):
    """A pass that considers nobody would say that all is well."""
    with pytest.raises(SettingsError, match="lists no Location: nobody would ever be reminded"):
        listed(content, "Location").check()


def test_a_file_that_cannot_be_read_is_a_wrong_setting(tmp_path, listed):
    """It is named, and why."""
    with pytest.raises(SettingsError, match=r"fhir\.locations_file cannot be read: No such file"):
        Listed("Location", "fhir.locations_file", file=tmp_path / "none").check()
    with pytest.raises(SettingsError, match="is not UTF-8"):
        listed(b"\xe5\n").check()


def test_a_file_that_changes_while_it_is_read_is_an_incomplete_read(listed):
    """What was cut off or written over in the meantime could be half of a list."""
    found = listed(b"1\n" * 10_000)
    ids = found.read()
    next(ids)
    os.truncate(found.file, 2 * 9_000)
    with pytest.raises(IncompleteRead, match="changed while it was being read"):
        list(ids)


def test_a_file_is_read_as_it_is_needed(listed):
    """The first id is given before a later line is looked at."""
    ids = listed(b"1\n" * 100_000 + b"no id\n").read()
    assert next(ids) == "1"


def test_ids_of_the_settings_are_given_as_they_are():
    """There is no file."""
    listed = Listed("Location", "fhir.locations", ("1", "2"))
    listed.check()
    assert list(listed.read()) == ["1", "2"]


@pytest.mark.parametrize("by", [Listed("Location", "fhir.locations", ("1",)), Roster("fhir.patients", "Group", "1")])
def test_that_nobody_is_known_stops_the_pass(by):
    """It names the setting and what belongs there."""
    error = nobody_known(by)
    assert isinstance(error, FhirError)
    assert by.key in error.what
    assert f"{by.kind}.id" in error.next_step
