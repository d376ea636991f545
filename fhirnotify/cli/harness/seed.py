"""``harness seed``: puts the resources of scenarios on a FHIR server, to look at and to try a run on."""

from datetime import UTC, datetime

from fhirnotify.cli.failures import reported
from fhirnotify.cli.harness.endpoint import Auth, Fhir
from fhirnotify.cli.harness.scenarios import Only, Scenarios
from fhirnotify.cli.harness.server import WriteTo, access_to, may_write
from fhirnotify.cli.options import Json, Now


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

    The next "harness run" on that server takes them away, by their tag. With --json one object tells their number
    by type.
    """
    from collections import Counter  # noqa: PLC0415

    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.harness.scenarios import reading  # noqa: PLC0415
    from fhirnotify.harness.scenarios.seeding import seeded  # noqa: PLC0415

    chosen = reading.read_all(scenarios or reading.bundled(), only or ())
    foreign = may_write(fhir, write_to)
    with access_to(fhir, auth) as server:
        put = seeded(server, chosen, now or datetime.now(UTC).replace(microsecond=0), foreign=foreign)
    count, out = Counter(each["resourceType"] for each in put), Stdout()
    if as_json:
        out.json(dict(count))
    else:
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(count.items()))
        out.line(f"{len(put)} resources of {len(chosen)} scenarios stand on the server: {told}.")
