"""The composition root's part about reports: the ledger to be read, and whence units have their names."""

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fhirnotify.ledger.mendable import Mendable
from fhirnotify.report.period import Period
from fhirnotify.report.published import Published
from fhirnotify.settings import Settings


@dataclass(frozen=True, slots=True)
class Report:
    """What is shown of a period; ``extent`` is from the first to the last visit of the ledger, None if it is empty."""

    published: Published
    extent: tuple[datetime, datetime] | None


def report(settings: Settings, period: Period, now: datetime) -> Report:
    """Count a period, and choose what is shown of it. The ledger is only read.

    Raises:
        LedgerError: there is no ledger, or it cannot be read.
    """
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415
    from fhirnotify.report.published import publish  # noqa: PLC0415
    from fhirnotify.report.taking import counts_of, extent_of  # noqa: PLC0415

    with closing(open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)) as database:
        published = publish(database.read(lambda connection: counts_of(connection, period, now)))
        return Report(published, database.read(extent_of) if published.total.considered == 0 else None)


def worklist(settings: Settings, after: datetime, until: datetime | None) -> list[Mendable]:
    """Give what staff can mend of visits to come.

    Raises:
        LedgerError: there is no ledger, or it cannot be read.
    """
    from fhirnotify.ledger.mendable import mendable  # noqa: PLC0415
    from fhirnotify.ledger.opening import open_database  # noqa: PLC0415

    with closing(open_database(settings.ledger.url, create=False, read_only=True, patience=5.0)) as database:
        return database.read(lambda connection: list(mendable(connection, after, until)))


def names(settings: Settings, whence: str, units: Collection[str]) -> Mapping[str, str]:
    """Give what units are called.

    Args:
        settings: where the FHIR endpoint is.
        whence: ``none``, ``fhir``, or a file.
        units: their references.

    Raises:
        SettingsError: the file cannot be read.
        FhirError: the endpoint cannot be read.
    """
    if whence == "none":
        return {}
    if whence != "fhir":
        from fhirnotify.report.names import names_in_file  # noqa: PLC0415

        return names_in_file(Path(whence))
    from fhirnotify.fhir import unit_names  # noqa: PLC0415

    if settings.fhir.directory is not None:
        return unit_names.names_in_directory(settings.fhir.directory, units)
    from fhirnotify.wiring import fhir_client  # noqa: PLC0415

    with closing(fhir_client(settings)) as client:
        return unit_names.names_on_server(client, units)
