"""Reminds patients of their care visits by SMS, from FHIR, when they have consented."""

__version__ = "0.1.0"
