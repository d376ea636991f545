"""The providers that messages may go to, in the order in which they are preferred."""

from collections.abc import Sequence

from fhirnotify.sms.gateway import Gateway


class Route:
    """The gateways of ``sms.provider``: one at least, each of an account of its own.

    A message is handed to the first, and to another only while it is certain that none before has it. What became of
    it is known to the one alone that it was handed to, whose account the ledger names.
    """

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        assert gateways  # settings see to it
        self.gateways = tuple(gateways)
        self._by_account = {gateway.account: gateway for gateway in gateways}

    def by_account(self, account: str | None) -> Gateway | None:
        """Give the gateway of an account, as the ledger names it; None if it is not configured (any more)."""
        return None if account is None else self._by_account.get(account)

    def close(self) -> None:
        """Release the connections of all."""
        for gateway in self.gateways:
            gateway.close()
