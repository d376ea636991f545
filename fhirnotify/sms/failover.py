"""Which provider the next message goes to, and whether one that a provider did not take goes to another.

The providers are used in the order of ``sms.provider``, save for

    one that the breaker leaves alone    passed over while another is not left alone; else it is as if none was,
                                         so that a few messages that fail everywhere never hold up the others
    one that refused the account         not used again in this run, if ``sms.failover_on_account_fault``; else,
                                         and when none is left, nothing more is sent

A message goes to another provider only when it is certain that the one before has not taken it: Deferred beyond the
attempts, or a refused account. Never after Unknown, and not after Rejected: the number or the text was refused, and
another provider that took it would only hide that.

For the breaker, Accepted and Rejected are successes: the provider does its work. Deferred, Unknown and a refused
account are failures. What was given back without having been tried (``stopped``, ``stalled``) tells nothing.

Where as many messages as open a breaker end in doubt, with none taken or refused between them, and no provider is
left that is not left alone, nothing more is begun in this run: each further one might need a person to settle it.
"""

from collections.abc import Callable, Collection

from fhirnotify.errors import AccountFault
from fhirnotify.sms.breaker import LIMIT, Breaker
from fhirnotify.sms.courier import STALLED, STOPPED, Result, elapsed
from fhirnotify.sms.gateway import Accepted, Gateway, Rejected, Unknown
from fhirnotify.sms.route import Route


class Failover:
    """What one run learns of its providers. For the one thread that owns it.

    A refused account is told of at the end, also where the others went on: exit 4, since somebody has to mend it.
    """

    def __init__(self, route: Route, clock: Callable[[], float] = elapsed) -> None:
        self._route = route
        self._clock = clock
        self._breakers = {gateway.account: Breaker() for gateway in route.gateways}
        self._faults: dict[str, AccountFault] = {}
        self._doubts = 0

    @property
    def is_over(self) -> bool:
        """Whether there is nobody left to send by."""
        return bool(self._faults) and not (self._route.failover_on_account_fault and self.usable)

    @property
    def only_doubts(self) -> bool:
        """Whether it is to be feared that whatever is begun ends in doubt."""
        return self._doubts >= LIMIT and not any(self._allows(gateway) for gateway in self.usable)

    def told(self) -> AccountFault | None:
        """Give what is to be told of the accounts that were refused, if any was."""
        others = ", ".join(gateway.name for gateway in self.usable)
        return AccountFault.of(self._faults.values(), "" if self.is_over else f"What was due went to {others} instead.")

    @property
    def usable(self) -> list[Gateway]:
        """Those that have not refused the account, in order."""
        return [gateway for gateway in self._route.gateways if gateway.account not in self._faults]

    def choose(self, tried: Collection[str]) -> Gateway:
        """Give the provider for a message that those of the accounts ``tried`` did not take. It is not over."""
        usable = self.usable
        left = [gateway for gateway in usable if gateway.account not in tried] or usable
        chosen = next((gateway for gateway in left if self._allows(gateway)), left[0])
        self._breakers[chosen.account] = self._breakers[chosen.account].handed()
        return chosen

    def another(self, tried: Collection[str]) -> bool:
        """Tell whether a message that those of the accounts ``tried`` have not taken goes to another at once."""
        return any(gateway.account not in tried and self._allows(gateway) for gateway in self.usable)

    def refused(self, account: str, fault: AccountFault) -> None:
        """Note that a provider refuses the account."""
        self._faults.setdefault(account, fault)

    def learn(self, account: str, result: Result | None) -> None:
        """Note what became of a message; None if nobody knows."""
        breaker = self._breakers[account]
        if result is None or result in (STALLED, STOPPED):
            self._breakers[account] = breaker.untold()
        elif isinstance(result, Accepted | Rejected):
            self._breakers[account] = breaker.succeeded()
            self._doubts = 0
        else:
            self._breakers[account] = breaker.failed(self._clock())
        self._doubts += isinstance(result, Unknown)
        if isinstance(result, AccountFault):
            self.refused(account, result)

    def _allows(self, gateway: Gateway) -> bool:
        return self._breakers[gateway.account].allows(self._clock())
