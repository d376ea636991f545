"""``harness seed``: puts the resources of scenarios on a FHIR server, to look at and to try a run on."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir
from fhirnotify.cli.harness.scenarios import Only, Scenarios
from fhirnotify.cli.harness.server import WriteTo, access_to, may_write
from fhirnotify.cli.options import Json, Now
from fhirnotify.errors import HarnessError

if TYPE_CHECKING:
    from fhirnotify.cli.output import Stdout
    from fhirnotify.harness.scenarios.seeding import Seeded


@reported
def seed(
    fhir: Fhir,
    auth: Auth = None,
    scenarios: Scenarios = None,
    only: Only = None,
    write_to: WriteTo = None,
    now: Now = None,
    *,
    as_json: Json = False,
) -> None:
    """Put the resources with which scenarios begin on a FHIR server, as of now, and leave them there.

    A scenario whose resources the server does not take is named on standard error and left out; so are, without
    --only, those of "harness faults". The next "harness run" on that server takes all away, by their tag. With --json
    one object tells the number of resources that stand there by type.
    """
    from fhirnotify.cli.output import Stdout, complain  # noqa: PLC0415
    from fhirnotify.harness.scenarios import reading  # noqa: PLC0415
    from fhirnotify.harness.scenarios.seeding import seeded  # noqa: PLC0415

    chosen = reading.read_all(scenarios or reading.bundled(), only or ())
    if not only and scenarios is None:
        chosen = {name: scenario for name, scenario in chosen.items() if not scenario.has_faults}
    foreign, moment = may_write(fhir, write_to), now or datetime.now(UTC).replace(microsecond=0)
    put: list[Seeded] = []
    try:
        with access_to(fhir, auth) as server:
            for each in seeded(server, chosen, moment, foreign=foreign):
                if each.refused:
                    complain(f"left out: {each.name}. {each.refused}")
                else:
                    put.append(each)
    finally:  # what stands there is told, whatever ended it
        _tell(put, Stdout(), as_json=as_json)
    if not put:
        raise HarnessError("No scenario's resources stand on the server.", "See above why each was left out.")


def _tell(put: "list[Seeded]", out: "Stdout", *, as_json: bool) -> None:
    from collections import Counter  # noqa: PLC0415

    count = Counter(resource["resourceType"] for each in put for resource in each.put)
    if as_json:
        out.json(dict(count))
    elif put:
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(count.items()))
        out.line(f"{count.total()} resources of {len(put)} scenarios stand on the server: {told}.")
