"""Reads the journal system over FHIR, distrusts what it answers, and translates it into facts."""
