"""The rules, pure: facts and a moment in, a decision out. No I/O, no clock, no HTTP, no SQL, no FHIR models."""
