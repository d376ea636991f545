"""Files by which a region runs the job on a schedule: they travel with the package, ready to be used or adapted.

What is done once a night stands in files of its own where a schedule is one file: they are made from those of the
pass, so that they have the same rights and no other.
"""

from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

_HERE = Path(__file__).parent

NIGHTLY = MappingProxyType({"outcomes": "3:17", "purge": "4:17"})
"""The commands that are run once a night, and when, by the machine's clock."""

_WHAT = MappingProxyType(
    {"outcomes": "Read what became of visits that are over", "purge": "Delete what is older than the retention time"}
)


class Way(StrEnum):
    """The ways to run it."""

    SYSTEMD = "systemd"
    CONTAINER = "container"
    KUBERNETES = "kubernetes"
    CRON = "cron"


def files(way: Way) -> dict[str, str]:
    """Give the files of one way, each by its name."""
    texts = {file.name: file.read_text("utf-8") for file in sorted((_HERE / way).iterdir()) if file.is_file()}
    for command in NIGHTLY:
        if way is Way.SYSTEMD:
            texts[f"fhirnotify-{command}.service"] = _service(texts["fhirnotify.service"], command)
            texts[f"fhirnotify-{command}.timer"] = _timer(texts["fhirnotify.timer"], command)
        elif way is Way.KUBERNETES:
            texts[f"fhirnotify-{command}.yaml"] = _cron_job(texts["fhirnotify.yaml"], command)
    return texts


def _service(text: str, command: str) -> str:
    head = f"# /etc/systemd/system/fhirnotify-{command}.service: started by its timer; else as fhirnotify.service.\n"
    unit = head + "\n" + text[text.index("[Unit]") :]
    unit = _once(unit, "Description=Remind patients of their care visits by SMS\n", f"Description={_WHAT[command]}\n")
    return _once(unit, "/fhirnotify run --quiet --config", f"/fhirnotify {command} --config")


def _timer(text: str, command: str) -> str:
    hour, minute = NIGHTLY[command].split(":")
    head = f"# /etc/systemd/system/fhirnotify-{command}.timer: once a night.\n"
    timer = head + "\n" + text[text.index("[Unit]") :]
    old = "Description=Remind patients of their care visits by SMS, every ten minutes\n"
    timer = _once(timer, old, f"Description={_WHAT[command]}, once a night\n")
    return _once(timer, "OnCalendar=*:0/10\n", f"OnCalendar=*-*-* {int(hour):02}:{minute}\n")


def _cron_job(text: str, command: str) -> str:
    hour, minute = NIGHTLY[command].split(":")
    head = f"# {_WHAT[command]}, once a night; with what fhirnotify.yaml makes.\n"
    job = head + text[text.rindex("apiVersion: batch/v1") :]
    job = _once(job, "  name: fhirnotify\n  labels:", f"  name: fhirnotify-{command}\n  labels:")
    job = _once(job, 'schedule: "*/10 * * * *"', f'schedule: "{minute} {hour} * * *"')
    return _once(job, "args: [run, --quiet, --config", f"args: [{command}, --config")


def _once(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)
