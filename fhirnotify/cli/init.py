"""``init``: a first settings file, from five answers; then ``check`` goes through it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.options import Config
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from fhirnotify.settings.first import Answers

_T = TypeVar("_T")

Fhir = Annotated[str | None, typer.Option("--fhir", metavar="URL", help="The FHIR endpoint, or file:DIRECTORY.")]
Kind = Annotated[
    str | None,
    typer.Option("--auth", metavar="KIND", help="none, basic, bearer, client-credentials or smart-backend."),
]
Consent = Annotated[
    str | None, typer.Option("--consent", metavar="CODES", help="system|code of the Consents; commas between several.")
]
Provider = Annotated[str | None, typer.Option("--provider", metavar="NAME", help="The SMS provider; outbox: none yet.")]
Ledger = Annotated[
    str | None, typer.Option("--ledger", metavar="URL", help="sqlite:///FILE, or postgresql://USER@HOST/DATABASE.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


@reported
def init(
    config: Config = None,
    fhir: Fhir = None,
    auth: Kind = None,
    consent: Consent = None,
    provider: Provider = None,
    ledger: Ledger = None,
    *,
    force: Force = False,
) -> None:
    """Write a first, commented settings file by asking five questions, and check it. What is given is not asked for."""
    from fhirnotify.cli.check import examined  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.settings.first import written  # noqa: PLC0415
    from fhirnotify.settings.load import DEFAULT_FILE  # noqa: PLC0415

    file, out = config or DEFAULT_FILE, Stdout()
    if not force:
        _refuse(file)
    _write(file, written(_answers(fhir, auth, consent, provider, ledger)), force=force)
    out.line(f"\n{file} is written. Checked:\n")
    code = examined(file)
    out.line(f'\nWhen "fhirnotify check{f" --config {file}" if config else ""}" is content, try "fhirnotify plan".')
    raise typer.Exit(code)


def _answers(
    fhir: str | None, auth: str | None, consent: str | None, provider: str | None, ledger: str | None
) -> "Answers":
    from fhirnotify.settings import values  # noqa: PLC0415
    from fhirnotify.settings.access import NEEDS  # noqa: PLC0415
    from fhirnotify.settings.first import Answers  # noqa: PLC0415
    from fhirnotify.settings.sms import PROVIDERS  # noqa: PLC0415

    return Answers(
        _answer("--fhir", fhir, "Address of the FHIR endpoint", values.fhir_address),
        _answer("--auth", auth, f"How it is logged in to ({', '.join(NEEDS)})", _one_of(*NEEDS), "none"),
        _answer("--consent", consent, "Code of the consent to reminders, as system|code", _codes),
        _answer("--provider", provider, f"SMS provider ({', '.join(PROVIDERS)})", _one_of(*PROVIDERS), "outbox"),
        _answer("--ledger", ledger, "Where the ledger is", _ledger, "sqlite:///fhirnotify.db"),
    )


def _answer(option: str, given: str | None, question: str, read: Callable[[str], _T], default: str | None = None) -> _T:
    """Take what was given, else ask until the answer can be read.

    Raises:
        SettingsError: what was given cannot be read, or there is nobody to ask.
    """

    def heard(answer: str) -> _T:
        try:
            return read(answer.strip())
        except ValueError as error:
            raise typer.BadParameter(f"The answer {error}.") from None

    if given is None:
        with contextlib.suppress(typer.Abort):
            answer: _T = typer.prompt(question, default=default, value_proc=heard, err=True)
            return answer
        raise SettingsError(f"Nobody answers: {question}?", f"Give it with {option}.")
    try:
        return read(given.strip())
    except ValueError as error:
        raise SettingsError(f"{option} {error}.", "fhirnotify init --help tells the forms.") from None


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return text

    return read


def _codes(text: str) -> tuple[str, ...]:
    from fhirnotify.settings import values  # noqa: PLC0415

    codes = tuple(code.strip() for code in text.split(","))
    for code in codes:
        values.coding(code)
    return codes


def _ledger(text: str) -> str:
    from fhirnotify.settings import values  # noqa: PLC0415

    address = values.ledger_address(text)
    if ":" in address.partition("://")[2].rpartition("@")[0] or "password=" in address:
        raise ValueError("holds a password: leave it out, and see PGPASSFILE, or FHIRNOTIFY_LEDGER__URL for it all")
    return address


def _refuse(file: Path) -> None:
    if file.exists():
        raise SettingsError(f"There is a {file} already.", "Name another with --config FILE, or replace it by --force.")


def _write(file: Path, text: str, *, force: bool) -> None:
    try:
        with file.open("w" if force else "x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        _refuse(file)
    except OSError as error:
        raise SettingsError(
            f"{file} cannot be written: {error.strerror}.", "Name another with --config FILE."
        ) from None
