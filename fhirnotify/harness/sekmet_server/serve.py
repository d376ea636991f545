"""Serves sekmet on a socket that is open already: ``python serve.py SETTINGS.yaml FILE-DESCRIPTOR``.

As ``sekmet serve`` does, but for the port, which whoever starts it has chosen; and it ends with its standard input.
"""  # noqa: INP001  # a program beside sekmet, no module of ours

import os
import socket
import sys
import threading

import uvicorn
from sekmet.config import load_settings
from sekmet.main import create_app


def _end_with_standard_input() -> None:
    """Whoever started this server holds a pipe to it. When the pipe ends, its owner is gone, and so are we."""
    while os.read(0, 1):
        pass
    os._exit(0)


def _main(settings: str, listener: int) -> None:
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    config = uvicorn.Config(create_app(load_settings(settings)), log_level="warning")
    uvicorn.Server(config).run([socket.socket(fileno=listener)])


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
