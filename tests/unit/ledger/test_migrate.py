"""Creating and upgrading the schema."""

import sqlite3
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger import schema, tables
from fhirnotify.ledger.migrate import MigrationResult, configuration, migrate
from fhirnotify.ledger.port import State
from fhirnotify.ledger.sql import SqlLedger
from fhirnotify.ledger.sqlite import SqliteFile


def schema_of(path):
    """Everything that SQLite knows of a database's schema, however it was written, and its revision."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT type, name, tbl_name FROM sqlite_master ORDER BY type, name").fetchall()
        made = connection.execute("SELECT sql FROM sqlite_master WHERE type <> 'table' ORDER BY name").fetchall()
        tables_ = {
            name: (
                connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall(),
                connection.execute(f"PRAGMA foreign_key_list('{name}')").fetchall(),
                sorted(row[1:] for row in connection.execute(f"PRAGMA index_list('{name}')")),
            )
            for kind, name, _ in names
            if kind == "table"
        }
        return names, made, tables_, connection.execute("SELECT version_num FROM alembic_version").fetchall()


def test_revisions_are_those_of_the_migrations():
    """The program knows exactly the migrations that there are, in their order."""
    script = ScriptDirectory.from_config(configuration())

    assert tuple(step.revision for step in reversed(list(script.walk_revisions()))) == tables.REVISIONS
    assert script.get_current_head() == tables.HEAD
    assert all(revision.startswith(tables.OURS) for revision in tables.REVISIONS)


def test_fresh_schema_equals_migrated(path):
    """A schema made at once and one made by the migrations are the same: tables, columns in order, keys, indexes."""
    migrated = path.with_name("migrated.db")
    migrate(f"sqlite:///{migrated}")
    SqlLedger(f"sqlite:///{path}").close()

    assert schema_of(path) == schema_of(migrated)


def test_migrations_make_what_the_tables_say(path):
    """Alembic finds nothing that would still have to be migrated."""
    migrate(f"sqlite:///{path}")
    database = SqliteFile(path, patience=0)

    def missing(connection):
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), tables.metadata)

    assert database.read(missing) == []
    database.close()


def test_created_then_unchanged(path):
    """The first call creates the ledger, for its owner alone; the second finds nothing to do."""
    url = f"sqlite:///{path}"

    assert migrate(url) == MigrationResult("created", None, tables.HEAD)
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert migrate(url) == MigrationResult("unchanged", tables.HEAD, tables.HEAD)
    assert path.read_bytes() == before


def test_created_by_a_run_is_unchanged(path, open_ledger):
    """What a first run made needs no migration."""
    open_ledger().close()

    assert migrate(f"sqlite:///{path}").action == "unchanged"


NEXT_STEP = """
from alembic import op
import sqlalchemy as sa

revision, down_revision = "fhirnotify_9999", "{head}"


def upgrade():
    op.add_column("run", sa.Column("note", sa.String))
    {then}
"""


@pytest.fixture
def newer_program(monkeypatch, tmp_path):
    """A later version of the program, with one more migration."""

    def make(then="pass"):
        (tmp_path / "9999_note.py").write_text(NEXT_STEP.format(then=then, head=tables.HEAD))
        known = configuration().get_main_option("script_location")
        monkeypatch.setattr(tables, "REVISIONS", (*tables.REVISIONS, "fhirnotify_9999"))
        monkeypatch.setattr(tables, "HEAD", "fhirnotify_9999")

        def upgrade(connection):
            config = configuration(connection)
            config.set_main_option("version_locations", f"{known}/versions:{tmp_path}")
            command.upgrade(config, "head")

        monkeypatch.setattr("fhirnotify.ledger.migrate.upgrade", upgrade)

    return make


def test_older_ledger_is_upgraded_with_all_it_holds(path, open_ledger, claim_of, now, newer_program):
    """An older ledger gets the missing migrations and keeps its rows."""
    ledger = open_ledger()
    ledger.claim("r1", now, [claim_of(1)], [])
    ledger.close()
    before = tables.HEAD
    newer_program()

    assert migrate(f"sqlite:///{path}") == MigrationResult("upgraded", before, "fhirnotify_9999")

    assert [each.appointment for each in open_ledger().in_state(State.CLAIMED)] == ["a1"]
    *_, tables_, revision = schema_of(path)
    assert revision == [("fhirnotify_9999",)]
    assert "note" in [column[1] for column in tables_["run"][0]]


def ledger_of(path, revision):
    """Make a ledger as the program with this revision made it, with a reminder, its transition and two verdicts."""
    evidence = '{"appointment": "Appointment/a1", "patient": null, "consent": [], "mapping": []}'
    moment = "2026-11-24T09:00:00.000000Z"
    database = SqliteFile(path, patience=0)
    database.make(lambda connection: command.upgrade(configuration(connection), revision))
    database.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO reminder (id, appointment, patient, start, kind, state, contact_type, evidence, segments, run,"
            " attempts, sending_since, created, updated) VALUES ('i', 'a1', 'p1', ?, 'reminder', 'accepted', 'video',"
            " ?, 2, 'r', 1, ?, ?, ?)",
            (moment, evidence, moment, moment, moment),
        )
        connection.execute("INSERT INTO transition VALUES (1, 'i', ?, 'r', NULL, 'claimed', NULL)", (moment,))
        for appointment, reason in (("a1", None), ("a2", "no-consent")):
            connection.execute(
                "INSERT INTO decision (appointment, patient, start, reason, evidence, detail, unmapped, decided, run)"
                " VALUES (?, 'p1', ?, ?, ?, '[]', '[]', ?, 'r')",
                (appointment, moment, reason, evidence, moment),
            )


@pytest.mark.parametrize("revision", tables.REVISIONS[:-1])
def test_every_earlier_schema_is_upgraded_with_its_data(path, open_ledger, revision):
    """Whatever version made the ledger, its rows come through, and the schema is the newest one."""
    ledger_of(path, revision)
    fresh = path.with_name("fresh.db")
    SqlLedger(f"sqlite:///{fresh}").close()

    assert migrate(f"sqlite:///{path}") == MigrationResult("upgraded", revision, tables.HEAD)

    assert schema_of(path) == schema_of(fresh)
    ledger = open_ledger()
    [reminder] = ledger.of_appointments(["a1"])
    assert (reminder.state, reminder.attempts, reminder.unit) == (State.ACCEPTED, 1, None)
    assert [step.to_state for step in ledger.transitions("i")] == [State.CLAIMED]
    [kept] = ledger.verdicts("a2")
    assert (kept.verdict.reason, kept.verdict.unit) == ("no-consent", None)
    ledger.close()


def test_a_migration_that_fails_changes_nothing(path, open_ledger, newer_program):
    """A migration is whole or has not happened."""
    open_ledger().close()
    before = schema_of(path)
    newer_program(then='op.execute("INSERT INTO nowhere VALUES (1)")')

    with pytest.raises(LedgerError):
        migrate(f"sqlite:///{path}")

    assert schema_of(path) == before


def test_not_beside_a_run(path, open_ledger, now):
    """A ledger that a run holds is not migrated."""
    open_ledger().begin("r1", now)

    with pytest.raises(LedgerError, match="is at work"):
        migrate(f"sqlite:///{path}", patience=0)


def test_foreign_is_left_alone(path):
    """Another program's database is refused and left as it is."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    before = path.read_bytes()

    with pytest.raises(LedgerError, match="database of something else"):
        migrate(f"sqlite:///{path}")

    assert path.read_bytes() == before


def test_temporary_has_nothing_to_migrate():
    """A ledger that does not last cannot be migrated."""
    with pytest.raises(SettingsError, match="nothing to migrate"):
        migrate("sqlite://")


def test_made_by_another_meanwhile(path, open_ledger, claim_of, now):
    """A ledger that another has made between looking and making is left as it is."""
    open_ledger().claim("r1", now, [claim_of(1)], [])
    database = SqliteFile(path, patience=0)

    database.make(schema.create)

    database.close()
    assert [each.appointment for each in open_ledger().in_state(State.CLAIMED)] == ["a1"]


def test_creation_cut_off_is_done_again(path, open_ledger, monkeypatch, claim_of, now):
    """A first run that fails half-way through making the schema leaves a file that the next takes for missing."""

    def fail(connection):
        tables.metadata.create_all(connection)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(schema, "create", fail)
        with pytest.raises(LedgerError, match="No space left on device"):
            open_ledger()

    assert open_ledger().claim("r1", now, [claim_of(1)], []) == [True]
