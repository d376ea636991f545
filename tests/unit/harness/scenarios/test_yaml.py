"""YAML as JSON with comments."""

import pytest

from fhirnotify.harness.scenarios.yaml import NotYaml, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: no", {"a": "no"}),
        ("a: 2026-11-24", {"a": "2026-11-24"}),
        ("a: 10:00", {"a": "10:00"}),
        ("a: 0701740605", {"a": "0701740605"}),
        ("a: +46701740605", {"a": "+46701740605"}),
        ("a: 12", {"a": 12}),
        ("a: 1.5", {"a": 1.5}),
        ("a: [true, false, null, ~, '']", {"a": [True, False, None, None, ""]}),
        ("a:", {"a": None}),
        ('{"a": [{"b": "c"}], "d": "\\u00e5"}', {"a": [{"b": "c"}], "d": "å"}),
        ("", None),
    ],
)
def test_what_is_read(text, value):
    """Only what is plainly a number, true, false or null is not text; JSON is read as it is."""
    assert read(text).value == value


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: 1\nb: [", 2, "expected"),
        ("a: 1\na: 2", 2, "a stands twice"),
        ("a: &x {b: 1}\nc: *x", 2, "anchors"),
        ("a: !!python/name:os.system", 1, "tag"),
        ("a: !own x", 1, "tag"),
        ("[1, 2]: x", 1, "a key can only be text"),
        (f"a: 1\nb: {'1' * 5000}", 2, "more than 100 digits"),
        ("a: 1\nb: 1.0e999", 2, "too large"),
        ("a: 1\nb: " + "[" * 3000 + "]" * 3000, 2, "more than 60 values within each other"),
        ("a: 1\nb:\n" + "- " * 20000, 3, "more than 60 values within each other"),
        ("a: \x07", 1, "character"),
    ],
)
def test_what_is_refused(text, line, what):
    """What cannot be read, or could mean another thing than it seems, is refused with its line."""
    with pytest.raises(NotYaml, match=what) as refused:
        read(text)
    assert refused.value.line == line


def test_the_line_of_each_value():
    """Every value's line is known; one that is not there stands where what is around it does."""
    document = read("a:\n  b:\n    - x\n    - y\n")
    assert document.line(("a", "b", 1)) == 4
    assert document.line(("a", "b", 7)) == 3
    assert document.line(("nowhere",)) == 1
