"""The providers that messages may go to, in the order in which they are preferred: ``sms.provider``."""

from collections.abc import Sequence

from fhirnotify.sms.gateway import Gateway


class Route:
    """The gateways of ``sms.provider``: one at least, each of an account of its own.

    Which of them a message is handed to, ``Failover`` says. What became of it is known to that one alone, whose account
    the ledger names.

    Args:
        gateways: in order of preference.
        failover_on_account_fault: whether the others go on when one refuses the account; else that stops the run.
    """

    def __init__(self, gateways: Sequence[Gateway], *, failover_on_account_fault: bool = False) -> None:
        assert gateways  # settings see to it
        self.failover_on_account_fault = failover_on_account_fault
        self.gateways = tuple(gateways)
        self._by_account = {gateway.account: gateway for gateway in gateways}

    def by_account(self, account: str | None) -> Gateway | None:
        """Give the gateway of an account, as the ledger names it; None if it is not configured (any more)."""
        return None if account is None else self._by_account.get(account)

    def close(self) -> None:
        """Release the connections of all."""
        for gateway in self.gateways:
            gateway.close()
