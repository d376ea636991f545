"""Which FHIR endpoint the harness speaks with, and how it makes itself known there."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fhirnotify.settings import Settings

Fhir = Annotated[
    str,
    typer.Option("--fhir", metavar="URL", help="The FHIR base, as fhir.base_url: http(s)://… or file:DIRECTORY."),
]
Auth = Annotated[
    Path | None,
    typer.Option(
        "--auth",
        metavar="FILE",
        help="A settings file whose sections fhir.auth and fhir.tls are used, such as your fhirnotify.toml.",
    ),
]

_CREDENTIALS = ("FHIRNOTIFY_FHIR__AUTH__", "FHIRNOTIFY_FHIR__TLS__")


def settings_of(base_url: str, auth: Path | None, environment: Mapping[str, str] | None = None) -> "Settings":
    """Give settings that name this endpoint, with the credentials and certificates that ``auth`` holds.

    Those in the environment hold over the file, as everywhere. A ``fhirnotify.toml`` in the working directory is
    not read unless it is named: its credentials may belong to another endpoint.

    Raises:
        SettingsError: the address or the file is wrong.
    """
    from fhirnotify import settings  # noqa: PLC0415

    everything = os.environ if environment is None else environment
    given = {name: value for name, value in everything.items() if name.upper().startswith(_CREDENTIALS)}
    named = f"file:{Path(base_url.removeprefix('file:')).resolve()}" if base_url.startswith("file:") else base_url
    needed = {"FHIRNOTIFY_FHIR__BASE_URL": named, "FHIRNOTIFY_CONSENT__CODES": "urn:fhirnotify:samtycke|any"}
    return settings.load(auth or Path(os.devnull), given | needed)


def credentials(settings: "Settings") -> dict[str, str]:
    """Write the credentials and certificates as environment variables, for a command that is started."""
    from pydantic import SecretStr  # noqa: PLC0415

    sections = {"AUTH": settings.fhir.auth, "TLS": settings.fhir.tls}
    return {
        f"FHIRNOTIFY_FHIR__{section}__{key.upper()}": value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        for section, chosen in sections.items()
        for key, value in chosen
        if value is not None
    }
