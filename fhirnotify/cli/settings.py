"""``settings``: what an editor needs to know of the settings file."""

import typer

from fhirnotify.cli.failures import reported

app = typer.Typer(no_args_is_help=True, help="The settings file itself.")


@app.callback()
def _group() -> None:
    """Keep the one command a command of the group: Typer would make it the group itself."""


@app.command()
@reported
def schema() -> None:
    """Print a JSON Schema of fhirnotify.toml, by which an editor completes, explains and marks."""
    import json  # noqa: PLC0415

    from fhirnotify.cli.output import Stdout  # noqa: PLC0415
    from fhirnotify.settings.schema import schema as made  # noqa: PLC0415

    Stdout().line(json.dumps(made(), indent=2, ensure_ascii=False))
