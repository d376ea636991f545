"""The probe: learns how a FHIR server really behaves, by reading alone, and what that means for reminders.

``probe.py`` puts the trials together; ``finding.py`` says what can be found; the other files make the trials.
"""
