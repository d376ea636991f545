"""Where the codes stand: elements.toml, read directly or by fhirpathpy."""

import itertools
from copy import deepcopy

import pytest
from raw_resources import smallest, translator

from fhirnotify.core.model import Coding, FhirVersion
from fhirnotify.errors import SettingsError
from fhirnotify.fhir.elements import Element, ElementFault, Elements, load_elements
from fhirnotify.fhir.fhirpath import Expression

R4 = FhirVersion.R4
CODING = {"system": "urn:s", "code": "a", "display": "A"}
CONCEPT = {"coding": [CODING, {"code": "b"}, {"system": "urn:s"}], "text": "T"}
PLAIN = [
    "Appointment.appointmentType",
    "Appointment.appointmentType.coding",
    "Appointment.serviceType",
    "Appointment.serviceType.coding",
    "Appointment.serviceType.concept",
    "Appointment.serviceType.concept.coding",
    "Appointment.serviceCategory",
    "Appointment.specialty",
    "Appointment.class",
    "Appointment.virtualService.channelType",
    "Appointment.extension('urn:x').value",
    "Appointment.extension('urn:x').value.coding",
    "Appointment.extension('urn:x').value.ofType(code)",
    "Appointment.extension('urn:x').value.ofType(string)",
    "Appointment.extension('urn:x').value.ofType(Coding)",
    "Appointment.extension('urn:x').value.ofType(CodeableConcept)",
    "Appointment.extension('urn:x').extension('inner').value",
]
VALUES = [
    {"valueCoding": CODING},
    {"valueCodeableConcept": CONCEPT},
    {"valueCode": "plain"},
    {"valueString": "text"},
    {"valueUri": "urn:u"},
    {"extension": [{"url": "inner", "valueCoding": CODING}, {"url": "inner", "valueCode": "c"}, {"url": "other"}]},
    {},
]
SHAPES = [
    {},
    {
        "appointmentType": CONCEPT,
        "serviceType": [CONCEPT, {"text": "T"}],
        "serviceCategory": [CONCEPT],
        "specialty": [],
    },
    {"serviceType": [{"concept": CONCEPT}, {"reference": {"reference": "HealthcareService/1"}}]},
    {"class": [CONCEPT, {"coding": [{"system": "urn:s", "code": "z"}]}]},
    {"virtualService": [{"channelType": CODING}, {"sessionKey": "k"}, {"channelType": {"code": "n"}}]},
    *({"extension": [{"url": "urn:x", **value}, {"url": "urn:y", **value}]} for value in VALUES),
    {"extension": [{"url": "urn:x", **value} for value in VALUES]},
    {"extension": []},
]


def codings(expression, appointment, version=R4, system=None):
    """Give what one element finds."""
    return Elements([Element(expression, system)]).codings(appointment, version)


@pytest.mark.parametrize("expression", PLAIN)
def test_a_plain_expression_gives_what_fhirpathpy_gives(expression):
    """Every plain form, on every shape, in both versions, with and without a system for plain codes."""
    for system in (None, "urn:plain"):
        direct, compiled = (Elements([Element(text, system)]) for text in (expression, f"({expression})"))
        assert compiled._compiled
        assert not direct._compiled
        for shape, version in itertools.product(SHAPES, FhirVersion):
            appointment = smallest("Appointment", **deepcopy(shape))
            assert direct.codings(appointment, version) == compiled.codings(appointment, version)


def test_all_codings_of_all_places_are_found_once_in_order():
    """The order is that of the elements, then of the document."""
    elements = Elements([Element("Appointment.extension('urn:x').value"), Element("Appointment.appointmentType")])
    appointment = smallest(
        "Appointment",
        appointmentType={"coding": [{"system": "urn:s", "code": "a"}, {"system": "urn:s", "code": "b"}]},
        extension=[{"url": "urn:x", "valueCoding": {"system": "urn:s", "code": "b"}}],
    )
    assert elements.codings(appointment, R4) == (Coding("urn:s", "b"), Coding("urn:s", "a"))


def test_every_extension_of_one_url_is_read():
    """A second one that says video must not be hidden by a first one that says mottagning."""
    appointment = smallest(
        "Appointment", extension=[{"url": "urn:x", "valueCode": "1"}, {"url": "urn:x", "valueCode": "2"}]
    )
    found = (Coding("urn:plain", "1"), Coding("urn:plain", "2"))
    assert codings("Appointment.extension('urn:x').value", appointment, R4, "urn:plain") == found
    assert codings("Appointment.extension('urn:x').where(true).value", appointment, R4, "urn:plain") == found


@pytest.mark.parametrize("system", [None, "urn:plain"])
def test_a_plain_string_is_a_code_only_where_a_system_is_named_for_it(system):
    """Nor does free text ever become a code that is then counted and stored."""
    appointment = smallest("Appointment", description="knee")
    expected = () if system is None else (Coding("urn:plain", "knee"),)
    assert codings("Appointment.description", appointment, R4, system) == expected
    appointment = smallest("Appointment", description="knee pain")
    assert codings("Appointment.description", appointment, R4, system) == ()


def test_a_quantity_is_no_coding_though_it_has_system_and_code():
    """5 kg is a measure."""
    extension = {"url": "urn:x", "valueQuantity": {"value": 5, "system": "http://unitsofmeasure.org", "code": "kg"}}
    assert (
        codings("Appointment.extension.where(url='urn:x').value", smallest("Appointment", extension=[extension])) == ()
    )


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("(appointmentType | serviceType).coding", {"appointmentType", "serviceType"}),
        ("where(status = 'booked').serviceCategory", {"status", "serviceCategory"}),
        ("Appointment.`class`.coding", {"class"}),
        ("Appointment.appointmentType.coding.where(system = 'specialty') // comment", {"appointmentType"}),
        ("%resource.participant.type", {"participant"}),
        ("Appointment.meta.tag", {"meta"}),
    ],
)
def test_an_expression_names_the_elements_that_must_be_kept_for_it(expression, names):
    """Literals and comments name nothing."""
    assert set(Expression(expression).names) == names


@pytest.mark.parametrize(
    "expression",
    [
        "Appointment.",
        "Appointment.appointmentType ]",
        "Appointment appointmentType",
        "Appointment.appointmentType..coding",
        "Appointment.extension('urn:x",
        "Appointment.appointmentType.coding.nofunction()",
        "Appointment.nothing",
        "Appointment.descendants()",
        "Patient.name",
        "Appointment.serviceCategory.text.upper()",
        "Appointment.serviceCategory.single()",
        "§",
        "5",
    ],
)
def test_an_expression_that_cannot_be_read_is_refused_with_file_and_entry(expression, tmp_path, capfd):
    """Before anything is read, and without noise of the parser on the terminal."""
    file = tmp_path / "elements.toml"
    file.write_text(f'[[element]]\nexpression = "Appointment.class"\n[[element]]\nexpression = "{expression}"\n')
    with pytest.raises(SettingsError) as error:
        load_elements(file)
    assert f"{file}, element[1]: " in error.value.what
    assert expression in error.value.what
    assert error.value.exit_code == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "must hold [[element]] tables"),
        ("element = []", "must hold [[element]] tables"),
        ("element = 5", "must hold [[element]] tables"),
        ("element = [5]", "element[0]: must be a table"),
        ('other = 1\n[[element]]\nexpression = "Appointment.class"', "must hold [[element]] tables"),
        ('[[element]]\nsystem = "urn:x"', "element[0]: has no expression"),
        ("[[element]]\nexpression = 5", "element[0]: expression must be a string"),
        ('[[element]]\nexpression = " "', "element[0]: expression must be a string that says something"),
        ('[[element]]\nexpression = "Appointment.class"\nsystem = ""', "element[0]: system must be a string"),
        ('[[element]]\nexpression = "Appointment.class"\ncode = "x"', "element[0]: unknown key 'code'"),
        ('[[element]]\nexpression = "Appointment.class"\n[unit]\n', "unit: [unit] must hold an expression"),
        ('unit = 5\n[[element]]\nexpression = "Appointment.class"', "unit: [unit] must hold an expression"),
        (
            '[[element]]\nexpression = "Appointment.class"\n[unit]\nexpression = "Appointment.class"\nsystem = "x"',
            "unit: [unit] must hold an expression",
        ),
        (
            '[[element]]\nexpression = "Appointment.class"\n[unit]\nexpression = "Patient.name"',
            "unit: Patient.name looks into no element",
        ),
        ("[[element]", "is not TOML"),
        (b"\xff", "is not TOML"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(content, told, tmp_path):
    """The message names the file and what is wrong."""
    file = tmp_path / "elements.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=told.replace("[", r"\[").replace("]", r"\]")) as error:
        load_elements(file)
    assert str(file) in error.value.what


def test_a_missing_file_is_refused(tmp_path):
    """It is a matter of settings, exit 2."""
    with pytest.raises(SettingsError, match=r"elements\.toml cannot be read"):
        load_elements(tmp_path / "elements.toml")


@pytest.mark.parametrize("expression", ["Appointment.specialty.text.upper()", "Appointment.specialty.single()"])
def test_an_expression_that_fails_on_an_appointment_names_its_element(expression):
    """What the expression would have said is not known, so the Appointment may not pass."""
    elements = Elements([Element(expression)])
    one, two = (smallest("Appointment", specialty=[CONCEPT] * count) for count in (1, 2))
    assert elements.codings(one, R4) is not None
    with pytest.raises(ElementFault, match=r"Appointment\.specialty"):
        elements.codings(two, R4)
    assert translator(R4, elements).appointment(two).paths == ("Appointment.specialty",)


def test_an_expression_sees_elements_that_are_read_for_other_reasons_uncut():
    """A participant's type, or a tag, may carry the code."""
    elements = Elements([Element("Appointment.participant.type"), Element("Appointment.meta.tag")])
    participant = {"actor": {"reference": "Patient/p1"}, "status": "accepted", "type": [CONCEPT]}
    appointment = smallest("Appointment", participant=[participant], meta={"tag": [{"system": "urn:t", "code": "t"}]})
    found = translator(R4, elements).appointment(appointment).codings
    assert found == (Coding("urn:s", "a"), Coding(None, "b"), Coding("urn:t", "t"))


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"appointmentType": {"coding": [{"code": 5}]}}, "Appointment.appointmentType.coding[0].code"),
        ({"appointmentType": {"coding": [{"code": "a "}]}}, "Appointment.appointmentType.coding[0].code"),
        ({"appointmentType": "{}"}, "Appointment.appointmentType"),
        ({"serviceType": CONCEPT}, "Appointment.serviceType"),
        ({"extension": {"url": "urn:kind"}}, "Appointment.extension"),
        ({"class": [CONCEPT]}, "Appointment"),
        ({"extension": [{"url": "u"}, {"url": "urn:kind", "valueCode": 5}]}, "Appointment.extension[1].valueCode"),
        (
            {"extension": [{"url": "urn:kind", "valueCode": "a", "valueString": "b"}]},
            "Appointment.extension[0].value[x]",
        ),
    ],
)
def test_an_error_where_a_code_may_stand_makes_the_appointment_invalid(broken, path):
    """The kind of visit could be told there, and an R4 Appointment has no ``class``."""
    assert translator(R4).appointment(smallest("Appointment", **broken)).paths == (path,)


@pytest.mark.parametrize(
    "broken",
    [
        {"appointmentType": {"coding": [{"system": "urn:s", "code": "a", "display": 5}], "text": 5}},
        {
            "appointmentType": {"coding": [{"system": "urn:s", "code": "a"}]},
            "extension": [{"url": "u", "valueCode": 5}],
        },
        {"appointmentType": {"coding": [{"system": "urn:s", "code": "a"}]}, "extension": [5, {"valueCode": " "}]},
        {"appointmentType": {"coding": [{"system": "urn:s", "code": "a"}]}, "specialty": "x", "description": 5},
    ],
)
def test_an_error_beside_the_codes_costs_nobody_the_reminder(broken):
    """Neither a display, nor an extension that nobody asks for, nor an element that is not named."""
    assert translator(R4).appointment(smallest("Appointment", **broken)).codings == (Coding("urn:s", "a"),)


@pytest.mark.parametrize("value", [{"valueCoding": {"code": "c"}}, {"valueCoding": {"code": "c", "display": 5}}])
def test_an_extension_within_an_extension_is_read(value):
    """As compound extensions have it; what else stands in them is not looked at."""
    elements = Elements([Element("Appointment.extension('urn:outer').extension('inner').value")])
    outer = {"url": "urn:outer", "extension": [{"url": "inner", **value}, {"url": "other", "valueCode": "x"}]}
    appointment = smallest("Appointment", extension=[outer, {"url": "urn:x", "extension": 5}])
    assert translator(R4, elements).appointment(appointment).codings == (Coding(None, "c"),)


def test_an_element_that_only_an_expression_reads_is_kept_whole_and_judged():
    """Nobody can tell which part of it the expression needs."""
    elements = Elements([Element("Appointment.contained.ofType(HealthcareService).type")])
    service = {"resourceType": "HealthcareService", "id": "h1", "type": [CONCEPT]}
    read = translator(R4, elements).appointment
    assert read(smallest("Appointment", contained=[service])).codings == (Coding("urn:s", "a"), Coding(None, "b"))
    for broken in ({**service, "type": 5}, {**service, "resourceType": "Nonsense"}, {**service, "name": {"secret": 1}}):
        (path,) = read(smallest("Appointment", contained=[broken])).paths
        assert path.startswith("Appointment")
        assert "secret" not in path


def test_a_file_gives_its_elements_in_order(tmp_path):
    """Space around an expression is nothing."""
    file = tmp_path / "elements.toml"
    file.write_text(
        '[[element]]\nexpression = " Appointment.class "\n[[element]]\nexpression = "Appointment.description"\nsystem = "urn:s"'
    )
    assert load_elements(file).elements == (Element("Appointment.class"), Element("Appointment.description", "urn:s"))
