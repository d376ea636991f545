"""The form of a scenario file. Every key is here; the JSON Schema for editors is made from this.

A scenario is read by people first: it writes down what is special, and takes what is ordinary as given. Ordinary is
an adult Patient ``p`` with the first name Tolvan and a mobile number of her own, an active Consent ``c`` that permits,
and a booked Appointment ``a`` of ``p`` at the mottagning 24 hours on. A resource may also be written out in full, as
FHIR.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from fhirnotify.core.answer import Reason
from fhirnotify.core.model import ContactType, FhirVersion
from fhirnotify.harness.behaviour import Behaviour
from fhirnotify.harness.scenarios import fhir_json, own_settings
from fhirnotify.harness.scenarios.moments import checked_text
from fhirnotify.harness.scenarios.own_settings import Settings
from fhirnotify.harness.scenarios.promises import Promise
from fhirnotify.harness.scenarios.words import Fault, Moment, Outcome

Id = Annotated[str, Field(pattern=fhir_json.ID, description="Short: a prefix is put before it on a server.")]
Elements = Annotated[
    dict[str, Any],
    AfterValidator(fhir_json.laid_over),
    Field(description="FHIR elements laid over the ordinary ones; null takes one out."),
]
Day = Literal["winter", "summer", "spring-forward", "fall-back"]


class Part(BaseModel):
    """A part of a scenario file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Shaped(Part):
    """What may differ from the ordinary resource, in both FHIR versions or in one."""

    over: Elements = Field({}, alias="with")
    over_r4: Elements = Field({}, alias="with R4")
    over_r5: Elements = Field({}, alias="with R5")

    def elements(self, version: FhirVersion) -> list[dict[str, Any]]:
        """Give what is laid over the ordinary resource, in order."""
        return [self.over, self.over_r4 if version is FhirVersion.R4 else self.over_r5]


class Patient(Shaped):
    """An ordinary Patient, but for what is written here."""

    patient: Id = Field(description="Its id.")


class Span(Part):
    """A Period. A moment that is left out is open."""

    start: Moment | None = None
    end: Moment | None = None


class Provision(Shaped):
    """A provision nested in a Consent. R5 knows no type there: its meaning alternates by depth."""

    type: Literal["permit", "deny"] | None = None
    codes: tuple[str, ...] = Field((), description="Each written system|code; 'ours' is the one that is configured.")
    during: Span | None = None
    provisions: tuple["Provision", ...] = ()


class Consent(Shaped):
    """An ordinary Consent, but for what is written here."""

    consent: Id = Field(description="Its id.")
    of: Id = Field("p", description="The Patient who gave it.")
    decision: Literal["permit", "deny"] | None = "permit"
    made: Moment | None = Field("now-400d", description="dateTime in R4, date in R5.")
    during: Span | None = None
    codes: tuple[str, ...] = Field(("ours",), description="Its category; 'ours' is the code that is configured.")
    provisions: tuple[Provision, ...] = ()


class Appointment(Shaped):
    """An ordinary Appointment, but for what is written here."""

    appointment: Id = Field(description="Its id.")
    of: Id | tuple[Id, ...] = Field("p", description="The Patient or Patients whose visit it is; [] for none.")
    at: Moment | None = Field("now+24h", description="Its start; null for none.")
    kind: ContactType | str | None = Field(
        ContactType.MOTTAGNING,
        union_mode="left_to_right",
        description="mottagning, video, telefon, or a code as system|code; null for none.",
    )

    @property
    def patients(self) -> tuple[str, ...]:
        """The ids of the patients."""
        return (self.of,) if isinstance(self.of, str) else self.of


def _form(value: object) -> str:
    """Tell an ordinary resource by its first key; one in full may well have an element of that name."""
    if isinstance(value, dict) and "resourceType" in value:
        return "resource"
    for form in ("patient", "consent", "appointment"):
        if form in value if isinstance(value, dict) else hasattr(value, form):
            return form
    return "resource"


Written = Annotated[
    Annotated[Patient, Tag("patient")]
    | Annotated[Consent, Tag("consent")]
    | Annotated[Appointment, Tag("appointment")]
    | Annotated[dict[str, Any], AfterValidator(fhir_json.in_full), Tag("resource")],
    Discriminator(_form),
]
"""A resource: an ordinary one with what is special about it, or FHIR JSON in full."""


def reference_of(written: Written) -> str:
    """Give a resource's type and id, as a reference within the scenario."""
    if isinstance(written, Patient):
        return f"Patient/{written.patient}"
    if isinstance(written, Consent):
        return f"Consent/{written.consent}"
    if isinstance(written, Appointment):
        return f"Appointment/{written.appointment}"
    return f"{written['resourceType']}/{written['id']}"


class Row(Part):
    """What one run says of one patient of one appointment, and the message that comes of it."""

    appointment: Id = "a"
    patient: Id | None = Field("p", description="null where nobody can be named.")
    start: Moment | None = Field(None, description="By default the Appointment's own, as it stands at this step.")
    remind: ContactType | None = None
    skip: Reason | None = None
    already: Outcome | None = Field(None, description="The state in which the reminder of an earlier run stands.")
    outcome: Outcome | None = Field(
        None, description="accepted by default for remind; planned in a plan; withdrawn, held, retry, uncertain …"
    )
    to: str | None = Field(None, description="The number, E.164; by default the ordinary Patient's own.")
    name: str | None = Field(None, description="The first name in the text; Tolvan by default.")
    text: Annotated[str, AfterValidator(checked_text)] | None = Field(
        None, description="The whole text, where it is another than the region's."
    )
    segments: int | None = None
    taken: bool | None = Field(None, description="Whether the provider took a message in this step.")
    rests_on: tuple[str, ...] | None = Field(
        None, description="The evidence: each resource as Type/id, each code as system|code."
    )

    @model_validator(mode="after")
    def _one_decision(self) -> Self:
        if sum(each is not None for each in (self.remind, self.skip, self.already)) != 1:
            raise ValueError("says one of remind, skip and already")
        if self.taken and self.remind is None:
            raise ValueError("only a remind row knows the text of what was taken")
        if self.already and self.outcome:
            raise ValueError("says its state by already alone: leave outcome out")
        return self

    @model_validator(mode="after")
    def _holds_what_it_says(self) -> Self:
        of_a_message = [key for key in ("to", "name", "text") if getattr(self, key) is not None]
        if of_a_message and not self.is_taken:
            raise ValueError(f"cannot say {of_a_message[0]}: the provider takes no message by it")
        if self.name and self.text:
            raise ValueError("cannot say name beside text, which is the whole text")
        return self

    @property
    def is_taken(self) -> bool:
        """Tell whether the provider must have taken a message."""
        return (self.remind is not None and self.outcome in (None, "accepted")) if self.taken is None else self.taken

    @property
    def again(self) -> "Row":
        """What the next run says of it, if nothing has changed: it came, and nobody is reminded again."""
        if self.remind is None or self.outcome not in (None, "accepted"):
            return self
        return Row(appointment=self.appointment, patient=self.patient, start=self.start, already="delivered")


Expected = Annotated[
    Annotated[tuple[Row, ...], Tag("rows")] | Annotated[Literal["anything"], Tag("anything")],
    Discriminator(lambda value: "anything" if isinstance(value, str) else "rows"),
]
"""Every row of a run, in any order; or anything, where only its exit code and the inbox are told."""


class Element(Part):
    """An entry of elements.toml: where on the Appointment codes stand."""

    expression: str
    system: str | None = None


class Mapping(Part):
    """What the mappings hold beside those of the installation."""

    elements: tuple[Element, ...] = ()
    codes: dict[str, str] = Field({}, description="system|code: mottagning, video, telefon or ingen")


class Step(Part):
    """One thing after another: resources change, then a run, then what is expected of it."""

    change: tuple[Written, ...] = Field((), description="Put these resources, new or in the place of earlier ones.")
    remove: tuple[str, ...] = Field((), description="Take these away, each written Type/id.")
    provider: tuple[Behaviour, ...] = Field((), description="How the provider meets the next messages, in order.")
    fault: Fault | None = Field(None, description="A fault of the FHIR server: see 'fhirnotify harness faults'.")
    at: Moment = Field("now", description="The moment of the run.")
    command: Literal["run", "plan", "follow-up"] = "run"
    kill: int | None = Field(None, ge=1, description="Kill the run when the provider is asked the n-th time.")
    expect: Expected | None = Field(
        None, description="By default what the scenario expects. A killed run's rows are not read."
    )
    exit: int = Field(0, ge=0, le=7)
    complete: bool | None = Field(None, description="What the summary says of itself.")
    inbox: int | None = Field(None, ge=0, description="Messages that the provider has taken since the beginning.")

    @model_validator(mode="after")
    def _kills_a_run(self) -> Self:
        if self.kill and self.command == "plan":
            raise ValueError("cannot kill a plan: it asks no provider")
        if self.kill and not {"exit", "complete"}.isdisjoint(self.model_fields_set):
            raise ValueError("cannot say exit or complete of a run that it kills")
        return self


class Scenario(Part):
    """One scenario."""

    shows: str = Field(min_length=10, description="One sentence: what this shows.")
    promise: Promise | tuple[Promise, ...] = Field(description="The promise or promises that it tests.")
    base: str | None = Field(None, description="A file beside this one whose keys hold where this one is silent.")
    fhir: tuple[FhirVersion, ...] = Field(tuple(FhirVersion), description="The FHIR versions in which it can be said.")
    day: Day = Field(
        "winter",
        description="A Wednesday in winter or summer time, or the Saturday before the clocks are set forward or back.",
    )
    time: str = Field(
        "10:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="The local time at which it begins."
    )
    settings: Annotated[Settings, AfterValidator(own_settings.checked)] = Field(
        {}, description="Sections and keys as in fhirnotify.toml."
    )
    mappings: Mapping = Mapping()
    resources: tuple[Written, ...]
    expect: Expected = Field("anything", description="Of a run, where its step is silent.")
    steps: tuple[Step, ...] = Field((Step(),), min_length=1, description="By default one run.")

    @model_validator(mode="after")
    def _says_what_it_expects(self) -> Self:
        if self.expect == "anything" and all(
            step.expect is None and step.inbox is None and step.complete is None and step.exit == 0
            for step in self.steps
        ):
            raise ValueError("expects nothing, and so cannot fail: say what is expected")
        return self

    @model_validator(mode="after")
    def _takes_away_what_it_puts(self) -> Self:
        put = {reference_of(each) for each in (*self.resources, *(one for step in self.steps for one in step.change))}
        for step in self.steps:
            for reference in step.remove:
                if reference not in put:
                    raise ValueError(f"takes {reference} away, which it never puts: there are {', '.join(sorted(put))}")
        return self

    @property
    def has_faults(self) -> bool:
        """Tell whether the FHIR server misbehaves in it."""
        return any(step.fault for step in self.steps)

    @property
    def promises(self) -> tuple[Promise, ...]:
        """The promises that it tests."""
        return (self.promise,) if isinstance(self.promise, str) else self.promise
