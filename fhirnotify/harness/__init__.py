"""FHIR servers, an SMS inbox and the worlds to fill them with: what one needs to play the whole way through."""
