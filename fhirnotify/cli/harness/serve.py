"""``harness serve``: a FHIR server and an SMS inbox on loopback, and settings that name them, until Ctrl-C."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.server import interrupted_once
from fhirnotify.cli.options import Json
from fhirnotify.errors import SettingsError

if TYPE_CHECKING:
    from fhirnotify.cli.output import Stdout
    from fhirnotify.harness.serve import Served


class Server(StrEnum):
    """Which FHIR server is started."""

    R4 = "R4"
    R5 = "R5"
    NONE = "none"


Fhir = Annotated[
    Server,
    typer.Option(
        metavar="R4|R5|none",
        case_sensitive=False,
        help="The HAPI FHIR server's version; none: a directory of FHIR JSON instead.",
    ),
]
Sms = Annotated[bool, typer.Option("--sms/--no-sms", help="An inbox for SMS; without it messages go to a file.")]
Seed = Annotated[bool, typer.Option("--seed", help="Load invented patients and visits in the two days to come.")]
FhirPort = Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The FHIR server's (default: free).")]
SmsPort = Annotated[int, typer.Option(metavar="PORT", min=0, max=65535, help="The inbox's (default: a free one).")]
Directory = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where settings and ledger go and stay (default: a temporary one)."),
]


@reported
def serve(
    fhir: Fhir = Server.R4,
    *,
    sms: Sms = True,
    seed: Seed = False,
    fhir_port: FhirPort = 0,
    sms_port: SmsPort = 0,
    directory: Directory = None,
    as_json: Json = False,
) -> None:
    """Play the whole thing through: a FHIR server and an SMS inbox on this machine, and settings that name them.

    They stay until Ctrl-C or TERM. With --json stdout holds one object, once all is ready.
    """
    from fhirnotify.cli.harness.progress import Told  # noqa: PLC0415
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.core.model import FhirVersion  # noqa: PLC0415
    from fhirnotify.harness.serve import Wanted, serving  # noqa: PLC0415

    if fhir is Server.NONE and not sms:
        raise SettingsError("With --fhir none and --no-sms there is nothing to serve.", "Leave one of them out.")
    version = None if fhir is Server.NONE else FhirVersion(fhir)
    wanted = Wanted(version, sms, seed, fhir_port, sms_port, directory)
    out, ready = Stdout(), False
    try:
        with interrupted_once(), Told(out, to_stderr=as_json) as tell, serving(wanted, tell) as served:
            ready = True
            tell.done()
            _show(served, out, as_json=as_json)
            served.wait()
    except KeyboardInterrupt:
        raise typer.Exit(0 if ready else 130) from None


def _show(served: "Served", out: "Stdout", *, as_json: bool) -> None:
    if as_json:
        out.json(served.as_json())
        return
    config = served.installation.config
    if served.fhir:
        out.line(f"FHIR {served.fhir.version}    {served.fhir.base_url}")
    if served.inbox:
        out.line(f"SMS inbox  {served.inbox.base_url}/    open it in a browser")
    out.line(f"Settings   {config}\n")
    for line in served.settings.rstrip().splitlines():
        out.line(f"    {line}".rstrip())
    out.line("\nIn another terminal:\n")
    out.line(f"    fhirnotify run --config {config}\n")
    if told := served.considered_and_reminded:
        out.line(f"Run at once, it considers {told['considered']} patients of visits and reminds {told['reminded']}.")
    out.line("Ctrl-C ends it all.")
