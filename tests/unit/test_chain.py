"""Lines that hold each other: whatever is done to an export shows."""

import hashlib
import io
import json
import tracemalloc

import pytest

from fhirnotify.chain import BEGINNING, chained, verified

HEAD = {"from": "2026-11-01T00:00:00Z", "until": "2026-11-02T00:00:00Z", "purged_before": None}


def export(count=5, follows=BEGINNING):
    """The lines of an export."""
    records = ({"kind": "decision", "appointment": f"a{n}", "text": 'å","chain":"x"}'} for n in range(count))
    return [line.encode() for line, _ in chained(HEAD, records, follows)]


def look(lines):
    """What is made of these lines."""
    return verified(io.BytesIO(b"".join(lines)))


def test_whole():
    """What was made is whole, and tells its period, what it follows and with what it ends."""
    lines = export(follows="ab" * 32)

    found = look(lines)

    assert (found.lines, found.broken, found.follows) == (7, None, "ab" * 32)
    assert found.end == json.loads(lines[-1])["chain"]
    assert (found.since.day, found.until.day) == (1, 2)


def test_anyone_can_check_it():
    """The chain is what the documentation says, computed here without the program."""
    before = BEGINNING
    for line in export():
        body, _, rest = line.decode().rpartition(',"chain":"')
        assert rest == hashlib.sha256((before + body).encode()).hexdigest() + '"}\n'
        before = rest[:64]


def test_empty():
    """A period without anything has a head and an end."""
    assert look(export(0)).lines == 2


def changed(lines):
    """One bit of a byte here and there."""
    for number in range(len(lines)):
        for place in range(0, len(lines[number]), 11):
            bent = bytearray(lines[number])
            bent[place] ^= 1
            yield [*lines[:number], bytes(bent), *lines[number + 1 :]]


def missing(lines):
    """A line is missing, or all from there on."""
    for number in range(len(lines)):
        yield lines[:number] + lines[number + 1 :]
        yield lines[:number]


def moved(lines):
    """Two lines have changed places."""
    for number in range(len(lines) - 1):
        yield [*lines[:number], lines[number + 1], lines[number], *lines[number + 2 :]]


def added(lines):
    """A line is there that was not."""
    for number in range(len(lines) + 1):
        yield [*lines[:number], lines[-2], *lines[number:]]
        yield [*lines[:number], b"\n", *lines[number:]]


def cut(lines):
    """The file ends anywhere."""
    whole = b"".join(lines)
    for length in range(1, len(whole), 13):
        yield [whole[:length]]


@pytest.mark.parametrize("bend", [changed, missing, moved, added, cut])
def test_everything_shows(bend):
    """A changed byte, a line that is missing, moved or added, an end that is cut off: each is found, wherever it is."""
    found = [look(lines).broken for lines in bend(export())]

    assert len(found) > 5
    assert None not in found


@pytest.mark.parametrize("text", [b"", b"\n", b"[]\n", b"{}\n", b"\xff\n", b'{"kind":"audit"}\n', b"x" * (2 << 20)])
def test_something_else(text):
    """A file of something else is not an export."""
    assert look([text]).broken.startswith("line 1: this is not the beginning of an export")


def test_memory_stays_flat():
    """However many lines there are."""
    records = ({"kind": "decision", "n": n, "filled": "x" * 400} for n in range(20_000))
    tracemalloc.start()
    for _ in chained(HEAD, records, BEGINNING):
        pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000
