"""What the ledger has to tell: statistics for everybody, and a worklist for staff."""
