"""What is free in the text is held against the record."""

import pytest
from facts import booking, name, person

from fhirnotify.core.privacy import reveals


@pytest.mark.parametrize(
    ("first", "families", "private", "expected"),
    [
        ("Anna", ["Testsson"], [], False),
        ("Anna Testsson", ["Testsson"], [], True),
        ("anna TESTSSON", ["Testsson"], [], True),
        ("Testsson", ["Testsson"], [], False),
        ("testsson", ["Testsson"], [], False),
        ("Annatestsson", ["Testsson"], [], False),
        ("Anna-Berg", ["Berg"], [], True),
        ("Anna af Berg", ["af Berg"], [], True),
        ("Anna", ["Testsson", ""], [], False),
        ("Anna Psykiatrin", [], ["Psykiatrin"], True),
        ("Psykiatrin", [], ["Psykiatrin"], True),
        ("Anna", [], ["Kirurgmottagningen Umeå"], False),
        ("Anna Kirurgmottagningen Umeå", [], ["Kirurgmottagningen Umeå"], True),
        ("Anna (Storgatan)", [], ["Storgatan"], True),
        ("A+B", [], ["a+b"], True),
        ("Anna Zoë", ["Zoe"], [], True),
        ("Anna O\u2019Brien", ["O'Brien"], [], True),
        ("Eva\u00a0Lena", [], ["Eva Lena"], True),
        ("Zoë", ["Zoe"], [], False),
        ("Anna Zoe", ["Zoë"], [], False),
    ],
)
def test_reveals(first, families, private, expected):
    """Family names unless they are all of it, and anything private, as whole words whatever the case."""
    someone = person(names=tuple(name("X", family=family) for family in families), private=frozenset(private[:1]))
    assert reveals(first, booking(private=frozenset(private)), someone) is expected
