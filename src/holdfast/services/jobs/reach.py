"""Whose jobs and schedules somebody may see and change: the one place that decides it.

A job's tenant is an organisation's id, or nothing for a global one. Whoever runs the server sees all; who holds the
right `jobs` in an organisation sees its own, and for them others' are not there. Only functions that say so
(`is_for_tenants`) are put in by the latter: what acts on the whole server is for who runs it.
"""

import asyncpg
import msgspec

from holdfast.domain.actors import Actor, rights_in
from holdfast.domain.errors import Refusal
from holdfast.services.jobs.registry import Job
from holdfast.store import job_looks

RIGHT = "jobs"


class Reach(msgspec.Struct, frozen=True):
    """The `tenants` whose jobs are somebody's to see and change; None for all, and for those of nobody."""

    tenants: tuple[str, ...] | None = None

    @property
    def is_everywhere(self) -> bool:
        return self.tenants is None

    def sees(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants

    def among(self, tenant: str | None) -> tuple[str, ...] | None:
        """The tenants that a list is of, of one wanted or of any; None for all, and empty where it is of nobody's."""
        if tenant is None:
            return self.tenants
        return (tenant,) if self.sees(tenant) else ()

    def owner_of_new(self, tenant: str) -> str:
        """The tenant of something new: as given, or the only one there is to somebody who gives none.

        Raises:
            Refusal: `not_allowed` for one that is not theirs; `invalid_request` when it must be said which.
        """
        if self.tenants is None or tenant in self.tenants:
            return tenant
        if tenant:
            raise Refusal("not_allowed", right=RIGHT, tenant=tenant[:40])
        if len(self.tenants) > 1:
            raise Refusal("invalid_request", field="tenant", possible=sorted(self.tenants))
        return self.tenants[0]

    def check_function(self, job: Job) -> None:
        """Raises:
        Refusal: `not_allowed` for a function that only who runs the server may have run.
        """
        if self.tenants is not None and not job.spec.is_for_tenants:
            raise Refusal("not_allowed", right="server", function=job.name)

    async def check_job(self, pool: asyncpg.Pool, id: int) -> None:
        """Raises:
        Refusal: `unknown_job` for one of somebody else's, as for one there is not.
        """
        if self.tenants is None:
            return
        tenant = await job_looks.tenant_of(pool, id)
        if tenant is None or not self.sees(tenant):
            raise Refusal("unknown_job", job=id)


EVERYWHERE = Reach()


def reach_of(actor: Actor) -> Reach:
    """Raises:
    Refusal: `unauthorised`; `not_allowed` for somebody who holds the right in no organisation as a whole.
    """
    if actor.has_everything:
        return EVERYWHERE
    organisations = {grant.organisation_id for grant in actor.grants}
    held = sorted(str(each) for each in organisations if RIGHT in rights_in(actor, each))
    if not held:
        raise Refusal("not_allowed" if actor.is_known else "unauthorised", right=RIGHT)
    return Reach(tuple(held))
