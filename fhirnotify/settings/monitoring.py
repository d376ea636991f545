"""``[monitoring]``: who is told how each run went, and how many appointments there should be at least."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from fhirnotify.settings import forms, values
from fhirnotify.settings.section import Secret, Section

_SUFFIX = ".prom"


def _read_by_the_exporter(file: Path) -> Path:
    if file.suffix != _SUFFIX:
        raise ValueError(f"must end with {_SUFFIX}: the node exporter reads no other file")
    return file


def _ping_address(secret: SecretStr) -> SecretStr:
    return SecretStr(values.web_address(secret.get_secret_value()))


class Monitoring(Section):
    """``[monitoring]``: who is told how each run went.

    ``ping_url`` is a secret: whoever knows it can say that all is well.
    """

    textfile: Annotated[Path, AfterValidator(_read_by_the_exporter), forms.TEXTFILE] | None = Field(
        None, description="File of figures for Prometheus' node exporter, replaced after each run."
    )
    ping_url: Annotated[Secret, AfterValidator(_ping_address), forms.WEB_ADDRESS] | None = Field(
        None,
        description="Address that is asked for when a run begins, and when it has ended (as healthchecks.io has it).",
    )
    expect_appointments: Annotated[int, BeforeValidator(values.number)] = Field(
        0, ge=0, description="Fewer appointments than these are exit code 7."
    )
