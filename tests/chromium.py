"""A real browser without a screen, for pages that this project serves."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALL = "apt-get install -y --no-install-recommends chromium"
_SECONDS = 120
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


def need_chromium() -> str:
    """Give the browser's program; skip the test without one, or fail it where nothing may be skipped."""
    if program := shutil.which("chromium"):
        return program
    what = f"needs Chromium; install: {INSTALL}"
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@dataclass(frozen=True)
class Browser:
    """Opens a page once in a fresh profile; ``directory`` takes what it writes."""

    program: str
    directory: Path

    def document(self, url: str, *, milliseconds: int) -> tuple[str, list[str]]:
        """Give the document as it is after this time of the page's own, and what the console said."""
        done = self._open(url, "--dump-dom", f"--virtual-time-budget={milliseconds}")
        return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]

    def picture(self, url: str, width: int, height: int, *, dark: bool = False) -> bytes:
        """Give the page as PNG."""
        file = self.directory / "page.png"
        theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        self._open(url, f"--screenshot={file}", f"--window-size={width},{height}", *theme)
        return file.read_bytes()

    def _open(self, url: str, *options: str) -> "subprocess.CompletedProcess[str]":
        profile = self.directory / "profile"
        return subprocess.run(
            [self.program, *_OPTIONS, f"--user-data-dir={profile}", *options, url],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
            env={**os.environ, "TMPDIR": str(self.directory)},
        )
