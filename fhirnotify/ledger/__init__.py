"""The ledger: what has been decided, claimed and sent, and the queue between deciding and sending."""
