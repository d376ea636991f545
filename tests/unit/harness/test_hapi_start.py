"""How the HAPI FHIR server's jars are had, and what is said when they cannot be: with stand-ins for Java and Maven."""

import os
import stat

import pytest

from fhirnotify.errors import HarnessError
from fhirnotify.harness import hapi_jars
from fhirnotify.harness.hapi import HapiServer

MAVEN = """#!/bin/sh
echo fetch >> "$JOURNAL"
for argument; do case $argument in -DoutputDirectory=*) mkdir -p "${argument#*=}" && touch "${argument#*=}/a.jar";; esac; done
"""
JAVAC = """#!/bin/sh
echo compile >> "$JOURNAL"
while [ "$1" != -d ]; do shift; done
mkdir -p "$2"
"""
FAILS = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Give a machine on which only the programs that a test puts there are found."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("FHIRNOTIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JOURNAL", str(tmp_path / "journal"))
    real_path = os.environ["PATH"]

    def install(**scripts):
        for name, script in scripts.items():
            program = programs / name
            program.write_text(script)
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{programs}:{real_path}")

    monkeypatch.setattr(hapi_jars.shutil, "which", lambda name: name if (programs / name).exists() else None)
    return install


def journal(tmp_path):
    """Give what the stand-ins did."""
    place = tmp_path / "journal"
    return place.read_text().split() if place.exists() else []


def test_without_java_the_installing_command_is_told(machine):
    """What is missing is named, with the command that installs it."""
    machine(java=FAILS)
    with pytest.raises(HarnessError, match=r"javac, mvn(.|\n)*apt-get install -y openjdk-17-jdk-headless maven"):
        hapi_jars.class_path()


def test_jars_are_fetched_and_compiled_once(machine, tmp_path):
    """The second time the cache holds it all, and Maven is no longer needed."""
    machine(java=FAILS, javac=JAVAC, mvn=MAVEN)
    first = hapi_jars.class_path()
    (tmp_path / "bin" / "mvn").unlink()
    assert hapi_jars.class_path() == first
    assert journal(tmp_path) == ["fetch", "compile"]


def test_a_fetch_tells_how_far_it_is(machine, monkeypatch, tmp_path):
    """While Maven downloads, files and megabytes are counted by what it says."""
    central = "Downloaded from central: https://maven.example.org"
    said = [
        f"[INFO] {central}/a.pom (1.2 kB at 3 kB/s)",
        f"[INFO] {central}/a.jar (1.5 MB at 3.4 MB/s)",
        f"[INFO] {central}/b.jar (500 kB at 1.2 MB/s)",
    ]
    chatty = (
        MAVEN + "".join(f"echo '{line}'\n" for line in said) + 'while [ ! -e "$JOURNAL.seen" ]; do sleep 0.01; done\n'
    )
    machine(java=FAILS, javac=JAVAC, mvn=chatty)
    monkeypatch.setattr(hapi_jars, "_TELL_SECONDS", 0.05)
    told = []

    def progress(step):
        told.append(step)
        if "3 of" in step:
            (tmp_path / "journal.seen").touch()

    hapi_jars.class_path(progress)
    assert "340 MB, once" in told[0]
    assert str(tmp_path / "cache") in told[0]
    assert told[-2:] == [
        "fetching HAPI FHIR with Maven: 3 of some 980 files, 2 of some 340 MB",
        "compiling the HAPI FHIR server",
    ]
    told.clear()
    hapi_jars.class_path(progress)
    assert told == []


def test_a_fetch_that_takes_too_long_is_ended(machine, monkeypatch, tmp_path):
    """Maven is ended with it, and its log named."""
    machine(java=FAILS, javac=JAVAC, mvn='#!/bin/sh\necho $$ > "$JOURNAL"\nexec sleep 60\n')
    monkeypatch.setattr(hapi_jars, "_FETCH_SECONDS", 0.5)
    with pytest.raises(HarnessError, match=r"within 0 s\.(.|\n)*mvn\.log"):
        hapi_jars.class_path()
    with pytest.raises(ProcessLookupError):
        os.kill(int(journal(tmp_path)[0]), 0)


def test_a_fetch_that_fails_leaves_nothing_behind(machine, tmp_path):
    """After a failure nothing half-made is taken for the jars, and the next attempt may succeed."""
    machine(java=FAILS, javac=JAVAC, mvn=FAILS)
    with pytest.raises(HarnessError, match="Maven could not fetch"):
        hapi_jars.class_path()
    machine(mvn=MAVEN)
    hapi_jars.class_path()
    assert journal(tmp_path) == ["fetch", "compile"]


def test_a_server_that_ends_while_it_starts_is_told(machine, tmp_path):
    """The log is kept and named."""
    machine(java=FAILS, javac=JAVAC, mvn=MAVEN)
    with pytest.raises(HarnessError, match=r"ended while it started(.|\n)*R5\.log"):
        HapiServer("R5", directory=tmp_path / "server").start()
    assert (tmp_path / "server" / "R5.log").exists()
