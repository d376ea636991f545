"""The ledger in a real PostgreSQL: its schema, its faults, and servers that go away at the worst moment."""

import builtins
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from postgres import Cluster, Cutter, need_postgres

from fhirnotify.core.answer import Evidence
from fhirnotify.core.model import ContactType
from fhirnotify.errors import LedgerError, SettingsError
from fhirnotify.ledger import tables
from fhirnotify.ledger.invariants import Extent, breaches
from fhirnotify.ledger.migrate import MigrationResult, migrate
from fhirnotify.ledger.opening import database_at, open_database, standing
from fhirnotify.ledger.port import Change, Claim, Ledger, State
from fhirnotify.ledger.postgres import Postgres
from fhirnotify.ledger.sql import SqlLedger

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of this module's own: it is restarted."""
    made = Cluster(need_postgres())
    yield made
    made.close()


@pytest.fixture
def database(cluster: Cluster) -> Iterator[str]:
    """The name of an empty database."""
    with cluster.database() as name:
        yield name


@pytest.fixture
def url(cluster: Cluster, database: str) -> str:
    """Its URL."""
    return cluster.url(database)


@pytest.fixture
def cutter(cluster: Cluster) -> Iterator[Cutter]:
    """A server in between."""
    with Cutter(cluster.port) as between:
        yield between


@pytest.fixture
def opened(url: str) -> Iterator[Callable[..., SqlLedger]]:
    """Open the ledger."""
    made: list[SqlLedger] = []

    def open_(at: str = url, **options: object) -> SqlLedger:
        made.append(SqlLedger(at, patience=0.2, **options))
        return made[-1]

    yield open_
    for each in made:
        each.close()


def claim_of(n: int) -> Claim:
    """Make a claim."""
    evidence = Evidence(f"Appointment/a{n}/_history/1")
    return Claim(f"a{n}", f"p{n}", NOW + timedelta(hours=24), ContactType.VIDEO, evidence, segments=2)


def begun(ledger: Ledger) -> str:
    """Bring a reminder to ``sending``; give its id."""
    ledger.claim("r1", NOW, [claim_of(1)], [])
    (reminder,) = ledger.take("r1", NOW, 1)
    assert ledger.move("r1", NOW, [Change(reminder.id, State.SENDING)]) == frozenset()
    return reminder.id


def schema_of(cluster: Cluster, database: str) -> list[tuple]:
    """Everything that the server knows of a database's tables."""
    return [
        *cluster.execute(
            "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length "
            "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2",
            database=database,
        ),
        *cluster.execute("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1", database=database),
        *cluster.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'public'::regnamespace ORDER BY 1",
            database=database,
        ),
    ]


def test_fresh_schema_equals_migrated(cluster, opened):
    """A schema made at once and one made by the migrations are the same."""
    with cluster.database() as fresh, cluster.database() as migrated:
        SqlLedger(cluster.url(fresh)).close()
        assert migrate(cluster.url(migrated)) == MigrationResult("created", None, tables.HEAD)

        assert schema_of(cluster, fresh) == schema_of(cluster, migrated)
        assert migrate(cluster.url(fresh)).action == "unchanged"


def test_migrations_make_what_the_tables_say(url):
    """Alembic finds nothing that would still have to be migrated, and the check finds nothing wrong."""
    migrate(url)
    with closing(open_database(url, create=False, read_only=True, patience=1)) as database:
        missing = database.read(
            lambda each: compare_metadata(
                MigrationContext.configure(each, opts={"compare_type": True}), tables.metadata
            )
        )
        assert missing == []
        assert list(breaches(database, Extent())) == []


def test_the_takeable_are_found_by_their_index(cluster, database, opened):
    """Taking reads what is due in order, by an index that holds nothing else, however much has been sent."""
    from sqlalchemy.dialects import postgresql

    from fhirnotify.ledger import statements

    opened()
    plan = statements.DUE.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": False})
    text = str(plan).replace("%(at)s", "now()").replace("%(limit)s", "5")
    for name, value in plan.params.items():
        text = text.replace(f"%({name})s", f"'{value}'").replace("::TIMESTAMP WITH TIME ZONE", "")
    cluster.execute(f"ALTER DATABASE {database} SET enable_seqscan = off")

    told = "\n".join(row[0] for row in cluster.execute("EXPLAIN " + text, database=database))

    assert "ix_reminder_takeable" in told
    assert "Sort" not in told


def test_not_migrated_beside_a_run(url, opened):
    """While a run is at work on any machine the schema is not changed; other runs begin; afterwards it may be."""
    first, second = opened(), opened()
    first.begin("r1", NOW)
    second.begin("r2", NOW)
    first.finish("r1", NOW, {})

    with pytest.raises(LedgerError, match="Another run is at work"):
        migrate(url, patience=0.1)

    second.finish("r2", NOW, {})
    assert migrate(url, patience=0.1).action == "unchanged"


def test_two_machines_make_it_at_once(url):
    """Of two first runs that begin together one makes the schema, and both work on it."""
    faults: list[Exception] = []

    def begin(run: str) -> None:
        try:
            with closing(SqlLedger(url)) as ledger:
                ledger.begin(run, NOW)
        except LedgerError as error:
            faults.append(error)

    threads = [threading.Thread(target=begin, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", ["claim", "take", "sending", "accepted", "finish"])
def test_connection_lost_in_a_commit(cluster, database, opened, cutter, moment, step):
    """Whether the commit came through is asked for: each change is made exactly once, and its answer is right."""
    ledger = opened(cluster.url(database).replace(str(cluster.port), str(cutter.port)))
    ledger.begin("r1", NOW)

    def at(this: str) -> None:
        cutter.cut_next = moment if this == step else None

    at("claim")
    assert ledger.claim("r1", NOW, [claim_of(1), claim_of(2)], []) == [True, True]
    at("take")
    first, _ = ledger.take("r1", NOW, 2)
    at("sending")
    assert ledger.move("r1", NOW, [Change(first.id, State.SENDING)]) == frozenset()
    at("accepted")
    assert ledger.move("r1", NOW, [Change(first.id, State.ACCEPTED, attempt=1, message_id="m")]) == frozenset()
    at("finish")
    ledger.finish("r1", NOW, {"sent": 1})

    assert cutter.cuts == 1
    states = [step.to_state for step in ledger.transitions(first.id)]
    assert states == [State.CLAIMED, State.SENDING, State.ACCEPTED]
    assert cluster.execute("SELECT count(*) FROM transition", database=database) == [(4,)]
    assert cluster.execute("SELECT summary::text FROM run", database=database) == [('{"sent": 1}',)]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_server_restarted_between_two_changes(cluster, opened, mode):
    """A run goes on with a new connection; nothing that was committed is lost."""
    ledger = opened()
    ledger.begin("r1", NOW)
    reminder = begun(ledger)

    cluster.control("restart", mode)

    assert ledger.move("r1", NOW, [Change(reminder, State.ACCEPTED, attempt=1)]) == frozenset()
    assert [step.to_state for step in ledger.transitions(reminder)][-2:] == [State.SENDING, State.ACCEPTED]


def test_server_that_does_not_come_back(cluster, url):
    """It is waited for, not for ever: then the run stops, with what to do."""
    database = Postgres(url, patience=0.2, reconnect=0.5)
    assert database.revision() is None
    cluster.control("stop")
    try:
        with pytest.raises(LedgerError, match="cannot be reached") as caught:
            database.revision()
    finally:
        cluster.control("start")
        database.close()

    assert "ledger.url" in caught.value.next_step
    assert caught.value.exit_code == 5


def test_commits_are_durable_whatever_the_server_is_set_to(cluster, database, url):
    """A server that is set to lose commits in a crash does not for us; a stronger setting is left as it is."""
    for setting, expected in (("off", "on"), ("remote_apply", "remote_apply")):
        cluster.execute(f"ALTER DATABASE {database} SET synchronous_commit = {setting}")
        with closing(database_at(url, read_only=False, patience=1)) as opened:
            assert opened.read(lambda each: each.exec_driver_sql("SHOW synchronous_commit").scalar()) == expected


def test_read_only(cluster, url, opened):
    """What is opened for reading cannot write, by the server's own word."""
    opened().claim("r1", NOW, [claim_of(1)], [])
    reading = opened(create=False, read_only=True)

    assert [each.appointment for each in reading.in_state(State.CLAIMED)] == ["a1"]
    with pytest.raises(LedgerError, match="opened for reading only"):
        reading.take("r1", NOW, 1)
    with pytest.raises(LedgerError, match="read-only"):
        reading._database.read(lambda each: each.exec_driver_sql("DELETE FROM reminder"))


def test_account_without_rights(cluster, database, url, opened):
    """An account that may not write is told of by the check, and by a run."""
    opened().close()
    cluster.execute("DROP ROLE IF EXISTS reader")
    cluster.execute("CREATE ROLE reader LOGIN")
    for statement in ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",):
        cluster.execute(statement, database=database)
    theirs = url.replace("//test@", "//reader@")
    try:
        with pytest.raises(LedgerError, match="does not let this account do what is needed"):
            standing(theirs)
        with pytest.raises(LedgerError, match="does not let this account"):
            opened(theirs).begin("r1", NOW)
        assert "has this version's schema" in standing(url)
    finally:
        cluster.execute("DROP OWNED BY reader", database=database)


def test_somebody_elses_database(cluster, database, url):
    """A database with other tables is refused and left as it is."""
    cluster.execute("CREATE TABLE theirs (x integer)", database=database)

    with pytest.raises(LedgerError, match="database of something else"):
        SqlLedger(url)

    found = cluster.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=database)
    assert found == [("theirs",)]


def test_a_schema_of_its_own(cluster, database, url):
    """In a database with other tables the ledger can have a schema of its own."""
    cluster.execute("CREATE TABLE theirs (x integer)", database=database)
    cluster.execute("CREATE SCHEMA reminders", database=database)
    with closing(SqlLedger(f"{url}?options=-csearch_path%3Dreminders")) as ledger:
        assert ledger.claim("r1", NOW, [claim_of(1)], []) == [True]

    assert cluster.execute("SELECT count(*) FROM reminders.reminder", database=database) == [(1,)]


def test_no_such_database(cluster):
    """A database that is not there is told of, without the account."""
    with pytest.raises(LedgerError) as caught:
        SqlLedger(cluster.url("nowhere").replace("//test@", "//test:s3cret@"))

    assert "s3cret" not in str(caught.value)
    assert "test@" not in str(caught.value)


def test_locked_by_another_program(cluster, database, url):
    """Whoever locks the tables is waited for, for a while."""
    import psycopg

    SqlLedger(url).close()
    postgres = Postgres(url, patience=0.1, reconnect=0.3)
    with psycopg.connect(url) as other, closing(postgres):
        postgres.revision()
        other.execute("LOCK TABLE run IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(LedgerError, match="locked by another program"):
            postgres.write(lambda each: each.execute(tables.run.update().values(host="x")))


def test_driver_is_missing(monkeypatch):
    """Without the driver the command is told that installs it."""
    real = builtins.__import__

    def without_psycopg(name: str, *rest: object) -> object:
        if name.partition(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *rest)

    for name in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_psycopg)

    with pytest.raises(SettingsError) as caught:
        SqlLedger("postgresql://h/d")

    assert "python -m pip install 'fhirnotify[postgres]'" in caught.value.next_step
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("bad", ["postgresql://u:s3cret@h/d?no_such=1", "postgresql://u:s3cret%zz@h/d"])
def test_url_that_libpq_cannot_read(bad):
    """It is not repeated: it may hold a password."""
    with pytest.raises(SettingsError, match=r"^ledger\.url is not a PostgreSQL URL") as caught:
        SqlLedger(bad)

    assert "s3cret" not in str(caught.value)
