"""What other packages bring: policies of further kinds of site. Refuses to take the name of a kind that is there."""

from importlib.metadata import entry_points

from holdfast.domain.policies import kinds, policy_of, register


class ExtensionError(Exception):
    """What another package brings cannot be used; the message says which and why."""


def load_policies() -> None:
    """Registers the policies that other packages offer under the entry point group `holdfast.policies`.

    Raises:
        ExtensionError: one of them cannot be loaded, or its kind is taken.
    """
    for entry in entry_points(group="holdfast.policies"):
        try:
            policy = entry.load()()
            if policy.kind not in kinds() or type(policy_of(policy.kind)) is not type(policy):
                register(policy)
        except Exception as error:
            raise ExtensionError(f"The policy {entry.name!r} of another package cannot be used: {error}") from error
