"""What is going on while a server is fetched and started: a spinner with the time on a terminal, else plain lines."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from fhirnotify.cli.output import Stdout, complain

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Told:
    """Tells each step in words; a context manager.

    On a terminal the last step spins with the time since the beginning, until ``done`` or the end; what is told after
    that, and everything elsewhere, is lines. With ``to_stderr`` they go there, and leave stdout to JSON.
    """

    def __init__(self, out: Stdout, *, to_stderr: bool) -> None:
        self._line = complain if to_stderr else out.line
        self._spins = not to_stderr and out.isatty()
        self._spinner: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, step: str) -> None:
        """Tell the next step."""
        if self._spinner is not None and self._task is not None:
            self._spinner.update(self._task, description=step)
        else:
            self._line(step)

    def done(self) -> None:
        """Stop spinning."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None

    def __enter__(self) -> Self:
        if self._spins:
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

            columns = (SpinnerColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
            self._spinner = Progress(*columns, transient=True)
            self._task = self._spinner.add_task("", total=None)
            self._spinner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done()
