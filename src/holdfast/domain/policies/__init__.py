"""The policies there are, by kind of site."""

from holdfast.domain.errors import Refusal
from holdfast.domain.policies.base import Policy
from holdfast.domain.policies.cafe import Cafe
from holdfast.domain.policies.grounds import Grounds
from holdfast.domain.policies.hotel import Hotel
from holdfast.domain.policies.store import Store

_POLICIES: dict[str, Policy] = {policy.kind: policy for policy in (Cafe(), Hotel(), Grounds(), Store())}


def policy_of(kind: str) -> Policy:
    """The policy of a kind of site.

    Raises:
        Refusal: `invalid_request`, naming the kinds there are.
    """
    policy = _POLICIES.get(kind)
    if policy is None:
        raise Refusal("invalid_request", field="kind", given=kind[:40], possible=kinds())
    return policy


def kinds() -> list[str]:
    return sorted(_POLICIES)


def place_kinds() -> list[str]:
    """The kinds whose sites have units that can be booked."""
    return sorted(kind for kind, policy in _POLICIES.items() if policy.has_units)


def session_words() -> list[str]:
    """What units of any kind of site show while somebody is in them."""
    return sorted(policy.session_status for policy in _POLICIES.values() if policy.session_status is not None)


def register(policy: Policy) -> None:
    """Adds a policy of another package.

    Raises:
        ValueError: when its kind is taken or its tables contradict each other.
    """
    if policy.kind in _POLICIES:
        raise ValueError(f"a policy for {policy.kind!r} exists already")
    unknown = set(policy.claim_kinds) - set(policy.machine.states)
    if unknown:
        raise ValueError(f"claims for states the machine does not have: {sorted(unknown)}")
    _POLICIES[policy.kind] = policy
