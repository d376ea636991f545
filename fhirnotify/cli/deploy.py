"""``deploy``: ready files by which a region runs the job on a schedule."""

from pathlib import Path
from typing import Annotated

import typer

from fhirnotify.cli.failures import reported
from fhirnotify.deploy import Way, files
from fhirnotify.errors import SettingsError

app = typer.Typer(no_args_is_help=True, help="Ready files to run it on a schedule: printed, or written with --output.")

Output = Annotated[
    Path | None, typer.Option("--output", metavar="DIR", help="Write the files there instead of printing them.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]


@app.command()
@reported
def systemd(output: Output = None, *, force: Force = False) -> None:
    """A hardened service with a timer, and the account it runs as; secrets come by LoadCredential."""
    _give(Way.SYSTEMD, output, force=force)


@app.command()
@reported
def container(output: Output = None, *, force: Force = False) -> None:
    """A Containerfile in two stages, whose container is not root; build it in the directory of the source."""
    _give(Way.CONTAINER, output, force=force)


@app.command()
@reported
def kubernetes(output: Output = None, *, force: Force = False) -> None:
    """A CronJob that never overtakes itself, with its settings and an account without rights."""
    _give(Way.KUBERNETES, output, force=force)


@app.command()
@reported
def cron(output: Output = None, *, force: Force = False) -> None:
    """A crontab that takes a lock and writes to the system's log."""
    _give(Way.CRON, output, force=force)


def _give(way: Way, output: Path | None, *, force: bool) -> None:
    from fhirnotify.cli.output import Stdout  # noqa: PLC0415

    out = Stdout()
    if output is None:
        between = "---\n" if way is Way.KUBERNETES else "\n"  # so that the whole can be piped to kubectl
        out.write(between.join(files(way).values()))
        out.flush()
        return
    for file in _written(way, output, force=force):
        out.line(str(file))


def _written(way: Way, output: Path, *, force: bool) -> list[Path]:
    """Write all of them, or none if one is there."""
    texts = {output / name: text for name, text in files(way).items()}
    if not force and (there := [file for file in texts if file.exists()]):
        raise SettingsError(f"There is a file of that name: {', '.join(map(str, there))}.", "Replace it with --force.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, "utf-8")
    except OSError as error:
        raise SettingsError(
            f"{output} cannot be written to: {error.strerror}.", "Name another directory with --output."
        ) from None
    return list(texts)
