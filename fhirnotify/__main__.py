"""Lets ``python -m fhirnotify`` do what the ``fhirnotify`` command does."""

from fhirnotify.cli.main import main

if __name__ == "__main__":
    main()
