"""Scenarios: what is in the journal system, what happens, and what fhirnotify must then do, as files to read."""
