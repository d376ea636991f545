"""The outbox file: what its lines hold, and what happens when it cannot be written."""

import errno
import json
import multiprocessing
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fhirnotify.errors import AccountFault, SettingsError
from fhirnotify.sms.gateway import Accepted, CannotTell, Found, NotFound, Rejected, Sms, Trace, Unknown
from fhirnotify.sms.outbox import Outbox

NUMBER = "+46701740605"
LINE = b'{"to": "+46701740605", "sender": "RegionVB", "text": "Hej \xc3\x85sa", "reference": "r1"}\n'


def sms(reference: str = "r1", text: str = "Hej Åsa") -> Sms:
    """Make a message."""
    return Sms(reference, NUMBER, text, "RegionVB", timedelta(hours=24))


def trace(reference: str = "r1") -> Trace:
    """Make a trace."""
    now = datetime.now(UTC)
    return Trace(reference, now, now)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a place for the outbox."""
    return tmp_path / "outbox.jsonl"


def test_line_holds_exactly_the_contract(path: Path) -> None:
    """One JSON line a message, in UTF-8: to, sender, text, reference."""
    assert Outbox(path).send(sms()) == Accepted("r1", None)
    assert path.read_bytes() == LINE


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_file_is_for_its_owner_alone(path: Path, umask: int) -> None:
    """It is made 0600, whatever the umask, and messages can be added to it."""
    before = os.umask(umask)
    try:
        for reference in ("r1", "r2"):
            assert isinstance(Outbox(path).send(sms(reference)), Accepted)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o600


def test_every_line_is_on_the_disk_before_it_is_accepted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is fsynced after each line, its directory once, when the file is made."""
    synced: list[str] = []
    fsync = os.fsync

    def watch(file: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        fsync(file)

    monkeypatch.setattr(os, "fsync", watch)
    for reference in ("r1", "r2"):
        Outbox(path).send(sms(reference))
    assert synced == [str(path.parent), str(path), str(path)]


def test_torn_line_is_no_message_and_spoils_no_other(path: Path) -> None:
    """What a crash left half written is not found, and the next message begins on a line of its own."""
    path.write_bytes(LINE[:-3])
    outbox = Outbox(path)
    assert outbox.find(trace()) == NotFound()
    outbox.send(sms("r2"))
    outbox.send(sms("r1"))
    assert outbox.find(trace()) == Found("r1", None)
    torn, *whole = path.read_bytes().splitlines()
    assert torn == LINE[:-3]
    assert [json.loads(line)["reference"] for line in whole] == ["r2", "r1"]


def test_whole_message_without_its_line_break_is_sent(path: Path) -> None:
    """A crash that cost only the line break cost nothing: what readers will see as a message is one."""
    path.write_bytes(LINE[:-1])
    outbox = Outbox(path)
    assert outbox.find(trace()) == Found("r1", None)
    outbox.send(sms("r2"))
    assert path.read_bytes().splitlines()[0] == LINE[:-1]


@pytest.mark.parametrize("line", [b"", b"\n", b"null\n", b"[1]\n", b'{"reference": 1}\n', b"\xff\xfe\n", b"\0\0\0"])
def test_lines_that_are_not_ours_are_passed_over(path: Path, line: bytes) -> None:
    """Whatever else stands in the file is no message."""
    path.write_bytes(line)
    assert Outbox(path).find(trace()) == NotFound()


def test_text_that_is_no_unicode_is_rejected(path: Path) -> None:
    """A text that cannot be written as UTF-8 is this message's own fault, and nothing is written."""
    assert Outbox(path).send(sms(text="half of a pair: \ud83d")) == Rejected("unencodable-text")
    assert not path.exists()


def missing_directory(path: Path) -> Path:
    """Give a place in a directory that does not exist."""
    return path.parent / "nowhere" / "outbox.jsonl"


def directory(path: Path) -> Path:
    """Give a place that is a directory."""
    path.mkdir()
    return path


def pipe(path: Path) -> Path:
    """Give a place that is a named pipe."""
    os.mkfifo(path)
    return path


def below_a_file(path: Path) -> Path:
    """Give a place in a directory that is a file."""
    path.touch()
    return path / "outbox.jsonl"


@pytest.mark.parametrize("place", [missing_directory, directory, pipe, below_a_file])
def test_place_that_cannot_be_written(path: Path, place: Callable[[Path], Path]) -> None:
    """It concerns every message: the run stops, and ``check`` says so beforehand."""
    outbox = Outbox(place(path))
    with pytest.raises(AccountFault) as fault:
        outbox.send(sms())
    assert NUMBER not in str(fault.value)
    assert "[sms.outbox]" in fault.value.next_step
    with pytest.raises(SettingsError):
        outbox.check()


def test_check_writes_and_makes_nothing(path: Path) -> None:
    """Before the first message the file does not exist, and checking does not make it; later it leaves it alone."""
    assert str(path) in Outbox(path).check()
    assert not path.exists()
    path.write_bytes(LINE)
    Outbox(path).check()
    assert path.read_bytes() == LINE


def test_directory_without_rights(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``check`` tells that the file could not be made."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(SettingsError, match="Permission denied"):
        Outbox(path).check()


def test_unreadable_file_cannot_tell(path: Path) -> None:
    """A file that cannot be read proves nothing."""
    path.mkdir()
    assert Outbox(path).find(trace()) == CannotTell("Is a directory")


def full(_: int, __: bytes) -> int:
    """Write nothing, as to a full disk."""
    raise OSError(errno.ENOSPC, f"no room for {NUMBER}")


def half(file: int, data: bytes) -> int:
    """Write half of it, as to a disk that gets full."""
    os.truncate(file, os.fstat(file).st_size + len(data) // 2)
    return len(data) // 2


@pytest.mark.parametrize("write", [full, half])
@pytest.mark.parametrize("before", [b"", LINE, LINE[:-9]])
def test_disk_full_leaves_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[int, bytes], int], before: bytes
) -> None:
    """Nothing of the message stays, so that it is certain not to have been sent, and the run stops."""
    path.write_bytes(before)
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(AccountFault, match="No space left") as fault:
        Outbox(path).send(sms("r2"))
    assert NUMBER not in str(fault.value)
    assert path.read_bytes() == before


def test_half_written_line_that_cannot_be_cut_off_is_unknown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nobody can say what the file holds until it is read."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "")

    path.touch()
    monkeypatch.setattr(os, "write", half)
    monkeypatch.setattr(os, "ftruncate", refuse)
    assert Outbox(path).send(sms()) == Unknown("torn-write")


def test_line_that_may_not_be_on_the_disk_is_unknown(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed fsync tells neither that the line is there nor that it is not."""

    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "")

    path.touch()
    monkeypatch.setattr(os, "fsync", refuse)
    assert Outbox(path).send(sms()) == Unknown("fsync-failed")


def _send_many(path: Path, process: int) -> None:
    outbox = Outbox(path)
    for number in range(12):
        outbox.send(sms(f"p{process}-{number}", "x" * 3000))


def test_processes_share_the_file(path: Path) -> None:
    """Lines of several processes are whole, none is lost, and the file is made once."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_send_many, args=(path, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    references = [json.loads(line)["reference"] for line in path.read_text().splitlines()]
    assert sorted(references) == sorted(f"p{process}-{number}" for process in range(3) for number in range(12))


def test_another_process_may_make_the_file_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking for the file and making it, it may have come to be; nothing of it is lost."""
    real = os.open

    def late(name: Path, flags: int, *mode: int) -> int:
        if flags & os.O_CREAT:
            path.write_bytes(LINE)
        return real(name, flags, *mode)

    monkeypatch.setattr(os, "open", late)
    Outbox(path).send(sms("r2"))
    assert path.read_bytes().startswith(LINE)
    assert len(path.read_bytes().splitlines()) == 2
