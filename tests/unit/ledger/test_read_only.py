"""Reading only, as ``plan`` and ``explain`` do: nothing on the disk changes, whoever else is at work."""

import pytest

from fhirnotify.errors import LedgerError
from fhirnotify.ledger.port import Change, State
from fhirnotify.ledger.sql import SqlLedger


def files(path):
    """Everything that stands in the directory, with its bytes and when it was written."""
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in path.parent.iterdir()}


def names(ledger):
    """The appointments that the ledger holds as claimed."""
    return [each.appointment for each in ledger.in_state(State.CLAIMED)]


@pytest.fixture
def filled(path, open_ledger, claim_of, now):
    """A ledger of one reminder that nobody has open."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(1)], [])
    ledger.close()
    return path


def test_leaves_no_trace(filled, open_ledger):
    """Reading changes no byte, and lays nothing beside the file, neither while it lasts nor afterwards."""
    before = files(filled)

    reader = open_ledger(read_only=True)
    assert names(reader) == ["a1"]
    assert files(filled) == before
    reader.close()

    assert files(filled) == before


@pytest.mark.parametrize(
    "write",
    [
        lambda ledger, now, claim: ledger.begin("r2", now),
        lambda ledger, now, claim: ledger.finish("r2", now, {}),
        lambda ledger, now, claim: ledger.claim("r2", now, [claim], []),
        lambda ledger, now, claim: ledger.take("r2", now, 1),
        lambda ledger, now, claim: ledger.release("r2", ["x"]),
        lambda ledger, now, claim: ledger.move("r2", now, [Change("x", State.SENDING)]),
    ],
)
def test_refuses_to_write(filled, open_ledger, claim_of, now, write):
    """Every method that would change something is refused."""
    before = files(filled)
    reader = open_ledger(read_only=True)

    with pytest.raises(LedgerError, match="was opened for reading only"):
        write(reader, now, claim_of(2))

    assert files(filled) == before


def test_sees_a_run_at_work(filled, open_ledger, claim_of, now):
    """Beside a run it sees what the run has committed, also what stands in the WAL alone."""
    writer = open_ledger()
    writer.claim("r1", now, [claim_of(2)], [])

    reader = open_ledger(read_only=True)

    assert sorted(names(reader)) == ["a1", "a2"]
    writer.claim("r1", now, [claim_of(3)], [])
    assert sorted(names(reader)) == ["a1", "a2", "a3"]


def test_sees_a_run_that_begins_later(filled, open_ledger, claim_of, now):
    """A run that begins, or has come and gone, after the file was opened for reading is seen as well."""
    reader = open_ledger(read_only=True)
    assert names(reader) == ["a1"]

    writer = open_ledger()
    writer.claim("r1", now, [claim_of(2)], [])
    assert sorted(names(reader)) == ["a1", "a2"]
    writer.claim("r1", now, [claim_of(3)], [])
    writer.close()

    assert sorted(names(reader)) == ["a1", "a2", "a3"]


def test_what_was_read_across_a_change_is_read_again(filled, open_ledger, claim_of, now):
    """When a run comes and goes in the middle of reading, what was read is thrown away and read again."""
    reader = open_ledger(read_only=True)
    reads = []

    def read(connection):
        reads.append(connection)
        if len(reads) == 1:
            writer = open_ledger()
            writer.claim("r1", now, [claim_of(2)], [])
            writer.close()
            raise ValueError("half of the old, half of the new")
        return "whole"

    assert reader._database.read(read) == "whole"
    assert len(reads) == 2


def test_a_failure_of_its_own_is_not_tried_again(filled, open_ledger):
    """What fails while the file stays as it is, fails once."""
    reader = open_ledger(read_only=True)
    reads = []

    def read(connection):
        reads.append(connection)
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        reader._database.read(read)
    assert len(reads) == 1


def test_never_still(filled, open_ledger):
    """A file that changes during each attempt is given up with a word on what to do."""
    reader = open_ledger(read_only=True)
    size = filled.stat().st_size

    def read(connection):
        with filled.open("ab") as file:
            file.write(b"\0" * 4096)

    with pytest.raises(LedgerError, match="is being written again and again"):
        reader._database.read(read)
    assert filled.stat().st_size > size


def test_by_an_account_that_may_only_read(filled, as_another):
    """An operator who may read the file but not write its directory can see why, and leaves nothing behind."""
    filled.chmod(0o644)
    before = files(filled)

    said = as_another(lambda: names(SqlLedger(f"sqlite:///{filled}", read_only=True)))

    assert said == "['a1']"
    assert files(filled) == before


def test_by_an_account_that_may_only_read_beside_a_run(filled, open_ledger, claim_of, now, as_another):
    """The same while a run is at work."""
    filled.chmod(0o644)
    writer = open_ledger()
    writer.claim("r1", now, [claim_of(2)], [])

    said = as_another(lambda: sorted(names(SqlLedger(f"sqlite:///{filled}", read_only=True))))

    assert said == "['a1', 'a2']"


def test_by_an_account_that_may_not_read(filled, as_another):
    """An account that may not read the file is told so."""
    said = as_another(lambda: SqlLedger(f"sqlite:///{filled}", read_only=True))

    assert said.startswith(f"LedgerError: The ledger {filled} cannot be opened.")


def test_after_a_crash(filled, open_ledger, claim_of, now, as_another):
    """What a killed run committed last stands in its WAL, and is seen."""

    def crash():
        ledger = SqlLedger(f"sqlite:///{filled}")
        ledger.claim("r1", now, [claim_of(2)], [])
        return "committed"

    filled.parent.chmod(0o777)
    for each in filled.parent.iterdir():
        each.chmod(0o666)
    assert as_another(crash) == "committed"
    assert filled.with_name("ledger.db-wal").exists()
    main = filled.read_bytes()

    assert sorted(names(open_ledger(read_only=True))) == ["a1", "a2"]
    assert filled.read_bytes() == main
