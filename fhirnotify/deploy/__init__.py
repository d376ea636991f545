"""Files by which a region runs the job on a schedule: they travel with the package, ready to be used or adapted."""

from enum import StrEnum
from pathlib import Path

_HERE = Path(__file__).parent


class Way(StrEnum):
    """The ways to run it."""

    SYSTEMD = "systemd"
    CONTAINER = "container"
    KUBERNETES = "kubernetes"
    CRON = "cron"


def files(way: Way) -> dict[str, str]:
    """Give the files of one way, each by its name."""
    return {file.name: file.read_text("utf-8") for file in sorted((_HERE / way).iterdir()) if file.is_file()}
