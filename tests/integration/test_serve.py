"""``harness serve`` with a HAPI FHIR server of its own, from start to end, as a new user plays it through."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from fhirnotify.harness.fhir_server import START_SECONDS
from fhirnotify.harness.hapi_jars import INSTALL, missing_programs
from fhirnotify.harness.installation import Installation

pytestmark = [pytest.mark.hapi, pytest.mark.slow]


@pytest.fixture
def served():
    """Start the command with R4 and seed; give what it says, and its process."""
    if missing := missing_programs():
        what = f"HAPI FHIR needs {', '.join(missing)}; install: {INSTALL}"
        pytest.fail(what) if os.environ.get("CI") == "true" else pytest.skip(what)
    command = [sys.executable, "-m", "fhirnotify", "harness", "serve", "--fhir", "R4", "--sms", "--seed", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def test_play_it_through(served):
    """Every reminder that was said is sent, from the server to the inbox; Ctrl-C ends all by process id."""
    process, told = served
    (pid, base_url) = (told["fhir"]["pid"], told["fhir"]["base_url"])
    assert httpx.get(f"{base_url}/metadata", timeout=60).json()["fhirVersion"].startswith("4.")
    done = Installation(Path(told["config"]).parent).run()
    assert done.exit_code == 0, done.log
    assert {key: done.summary[key] for key in ("considered", "sent")} == {
        "considered": told["seeded"]["considered"],
        "sent": told["seeded"]["reminded"],
    }
    page = httpx.get(told["sms"]).text
    assert f"{told['seeded']['reminded']} messages" in page
    assert page.count('class="bubble"') == told["seeded"]["reminded"]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not Path(told["config"]).parent.exists()
