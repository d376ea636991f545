"""Telling those who watch over the runs how each one went. Nothing here ever changes a run or its exit code."""
