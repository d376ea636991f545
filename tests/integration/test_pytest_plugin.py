"""The pytest plugin, used as a stranger would who tests an integration of their own."""

import re
from pathlib import Path

import pytest

pytest_plugins = "pytester"

README = Path(__file__).parents[2] / "README.md"
SCENARIO = """\
shows: An ordinary patient gets this.
promise: none-forgotten
resources: [{patient: p}, {consent: c}, {appointment: a}]
expect: [{remind: KIND}]
"""


def example() -> str:
    """Give the README's example of a test."""
    (found,) = re.findall(r"\n\n((?:    .*\n|\n)*    def test_(?:.*\n)(?:    .*\n)+)", README.read_text("utf-8"))
    return re.sub(r"(?m)^    ", "", found)


@pytest.fixture
def stranger(pytester: pytest.Pytester) -> pytest.Pytester:
    """Give a project of somebody else's, with nothing of ours in its configuration."""
    pytester.makeini("[pytest]\nfhirnotify_scenarios = scenarios\n")
    return pytester


def test_a_directory_of_scenarios(stranger):
    """Each file is a test, with the findings of one that fails, and the reason why one cannot be played."""
    directory = stranger.mkdir("scenarios")
    (directory / "right.yaml").write_text(SCENARIO.replace("KIND", "mottagning"))
    (directory / "wrong.yaml").write_text(SCENARIO.replace("KIND", "video"))
    (directory / "of-r5.yaml").write_text("fhir: [R5]\n" + SCENARIO.replace("KIND", "mottagning"))
    done = stranger.runpytest_subprocess("--fhirnotify-fhir=file:", "-v", "-rs")
    done.assert_outcomes(passed=1, failed=1, skipped=1)
    done.stdout.fnmatch_lines(["*a/p: contact_type is mottagning, not video*", "*not of FHIR R4*"])


def test_a_directory_with_a_wrong_file(stranger):
    """What is wrong with it is told, with its line, by every test of the directory."""
    directory = stranger.mkdir("scenarios")
    (directory / "right.yaml").write_text(SCENARIO.replace("KIND", "mottagning"))
    (directory / "wrong.yaml").write_text(SCENARIO.replace("KIND", "vidio"))
    done = stranger.runpytest_subprocess("--fhirnotify-fhir=file:")
    done.assert_outcomes(failed=2)
    done.stdout.fnmatch_lines(["*wrong.yaml:4: expect.0.remind cannot be vidio; did you mean video?*"] * 2)
    done.stdout.fnmatch_lines(["*no result of the scenario right: *"])
    done.stdout.no_fnmatch_line("*closed file*")


def test_a_file_whose_name_looks_like_a_pattern(stranger):
    """It is played as any other."""
    (stranger.mkdir("scenarios") / "a[1].yaml").write_text(SCENARIO.replace("KIND", "mottagning"))
    stranger.runpytest_subprocess("--fhirnotify-fhir=file:").assert_outcomes(passed=1)


def test_an_error_of_another_plugin_is_told_as_its_own(stranger):
    """One that fails before this one is configured is not hidden behind a failure of this one's."""
    stranger.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(config):
            raise pytest.UsageError("the other plugin is not content")
    """)
    done = stranger.runpytest_subprocess()
    done.stderr.fnmatch_lines(["*the other plugin is not content*"])
    done.stderr.no_fnmatch_line("*KeyError*")


@pytest.mark.parametrize(
    ("option", "told"),
    [("mappings=nowhere", "*nowhere*"), ("appointments=by-colour", "*write one of by-date*")],
)
def test_what_scenarios_are_played_with_is_passed_on(stranger, option, told):
    """The command itself says what is wrong with it."""
    (stranger.mkdir("scenarios") / "right.yaml").write_text(SCENARIO.replace("KIND", "mottagning"))
    done = stranger.runpytest_subprocess("--fhirnotify-fhir=file:", f"--fhirnotify-{option}")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines([told])


def test_scenarios_of_a_directory_belong_to_one_process(stranger):
    """One command plays them all, also where marks must be known."""
    (stranger.mkdir("scenarios") / "right.yaml").write_text(SCENARIO.replace("KIND", "mottagning"))
    item = (
        stranger.inline_run("--collect-only", "--strict-markers", "-p", "no:xdist")
        .getcalls("pytest_itemcollected")[0]
        .item
    )
    assert item.get_closest_marker("xdist_group").kwargs == {"name": str(stranger.path / "scenarios")}


def test_nothing_is_started_for_those_who_do_not_ask(stranger):
    """A project that uses none of it is left alone."""
    heavy = {"fhirnotify.core", "fhirnotify.harness.inbox", "fhirnotify.harness.installation"}
    stranger.makepyfile(f"import sys\ndef test_it(): assert not {heavy} & sys.modules.keys()")
    stranger.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.hapi
def test_the_example_of_the_readme(stranger):
    """It passes as it is written, on the independent server."""
    stranger.makepyfile(example())
    done = stranger.runpytest_subprocess("--fhirnotify-fhir=sekmet")
    done.assert_outcomes(passed=1)
