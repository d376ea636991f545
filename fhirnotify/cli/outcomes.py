"""``outcomes``: after the visits, what became of them."""

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config, Json, Now
from fhirnotify.errors import FhirnotifyError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fhirnotify.outcomes import Read

Minutes = Annotated[float, typer.Option("--minutes", min=0, help="How long it may take; the next one goes on.")]


@reported
def outcomes(config: Config = None, now: Now = None, *, minutes: Minutes = 10, as_json: Json = False) -> None:
    """Read what became of visits that are over, also beside a run; the report compares by it. Sends nothing.

    Each is asked about until it is final, once a day at most, for two weeks after it; what is gone, then once a week.
    """
    from fhirnotify import ledgers, settings, wiring  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.cli.run import stopped_by_signals  # noqa: PLC0415
    from fhirnotify.clock import RealClock  # noqa: PLC0415
    from fhirnotify.outcomes import Read, read_outcomes  # noqa: PLC0415

    if now is not None and now > RealClock().real():
        raise SettingsError(
            "--now is still to come, and of what is still to come nothing has become yet.",
            "Leave --now out, or give a moment that has been.",
        )
    chosen, out = settings.load(config), Stdout()

    def tell(done: "Read", exit_code: int) -> None:
        if as_json:
            out.json({"ledger": ledgers.name(chosen)} | done.as_json())
        else:
            out.line(_line(done))
        _log(done, exit_code)

    with (
        stopped_by_signals() as stop,
        _progress() as told,
        wiring.reading(chosen, told, now, stop, seconds=60 * minutes) as reading,
    ):
        try:
            done = read_outcomes(reading)
        except FhirnotifyError as error:
            if isinstance(error.summary, Read):
                tell(error.summary, error.exit_code)
            raise
        tell(done, 0)
    raise typer.Exit(0)


@contextmanager
def _progress() -> "Iterator[Callable[[Read], None]]":
    """Show on stderr how much has been read, if a person is looking."""
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Reading") as status:
        yield lambda done: status.update(f"Reading what became of visits: {done.became.total()}")


def _line(done: "Read") -> str:
    from fhirnotify.cli.reporting import printable  # noqa: PLC0415

    became = ", ".join(f"{count} {status}" for status, count in done.became.most_common())
    nothing = "There was nothing to read." if done.complete else "Nothing was read."
    what = f"Read what became of {done.became.total()} visits: {became}." if became else nothing
    rest = "" if done.complete else " It ended before everything was read; the next one goes on from there."
    return printable(f"{what} {done.fhir_requests} FHIR requests, {done.seconds:.1f} s.{rest}")


def _log(done: "Read", exit_code: int) -> None:
    from fhirnotify import logs  # noqa: PLC0415

    told = {key: value for key, value in done.as_json().items() if key in logs.KEYS}
    level = logging.INFO if exit_code == 0 else logging.ERROR
    logs.log(logs.Event.OUTCOMES_READ, level=level, **told, exit_code=exit_code)
