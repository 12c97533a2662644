"""Functions that may run as jobs. Only what is registered here by name, with arguments that fit its signature, ever
runs; nothing in the database is executed. Refuses two functions of one name."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_type_hints

import msgspec

from holdfast.domain.errors import Refusal
from holdfast.domain.jobs.outcomes import Backoff
from holdfast.domain.jobs.states import NORMAL
from holdfast.services.jobs.context import JobContext

DEFAULT_QUEUE = "default"
NAME_CHARS_MAX = 200

Unique = Literal["args", "name"]


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """How a function runs. `retries` are the attempts beyond the first; `unique` lets one job wait or run at a time,
    of the same arguments or of the name; `running_max` is how many may run at once, over all workers;
    `is_for_tenants` lets holders of the right `jobs` put it in for their organisation, not only who runs the server."""

    queue: str = DEFAULT_QUEUE
    retries: int = 9
    timeout_s: float = 300.0
    priority: int = NORMAL
    unique: Unique | None = None
    running_max: int | None = None
    backoff: Backoff = Backoff()
    is_transactional: bool = False
    is_for_tenants: bool = False


class Job:
    """A registered function. Calling it calls the function, as if it were no job."""

    def __init__(self, name: str, call: Callable[..., Any], spec: Spec) -> None:
        self.name = name
        self.call = call
        self.spec = spec
        self.is_async = inspect.iscoroutinefunction(call)
        self.takes_context, self.arguments = _arguments(name, call)
        self._decode = msgspec.json.Decoder(self.arguments).decode
        self.names = self.arguments.__struct_fields__
        if spec.is_transactional and not self.is_async:
            raise TypeError(f"{name}: a transactional job is an async function, or its transaction could not be used")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<job {self.name}>"

    @property
    def attempts_max(self) -> int:
        return self.spec.retries + 1

    @property
    def limit_key(self) -> str | None:
        return f"function:{self.name}" if self.spec.running_max is not None else None

    def encode(self, args: Mapping[str, Any]) -> bytes:
        """Arguments as they are stored: JSON that has been read back by the signature's types.

        Raises:
            Refusal: `invalid_arguments`.
        """
        try:
            raw = msgspec.json.encode(args)
        except (TypeError, ValueError) as error:
            raise Refusal(
                "invalid_arguments", function=self.name, problem=f"cannot be written as JSON: {error}"
            ) from None
        self.decode(raw)
        return raw

    def decode(self, raw: bytes) -> dict[str, Any]:
        """Arguments as the function takes them.

        Raises:
            Refusal: `invalid_arguments`.
        """
        try:
            value = self._decode(raw)
        except (msgspec.DecodeError, ValueError) as error:
            raise Refusal("invalid_arguments", function=self.name, problem=str(error)[:300]) from None
        return {name: getattr(value, name) for name in self.names}


class Registry:
    """Functions by name."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    def job(self, call: Callable[..., Any] | None = None, /, *, name: str | None = None, **spec: Any) -> Any:
        """Registers a function, as a decorator with or without options (see `Spec`).

        Raises:
            TypeError: an option is unknown, or a parameter of the function has no type.
            ValueError: the name is taken.
        """
        try:
            found = Spec(**spec)
        except TypeError as error:
            raise TypeError(f"{error}; a job takes {', '.join(Spec.__struct_fields__)}") from None

        def register(function: Callable[..., Any]) -> Job:
            made = Job(name or f"{function.__module__}.{function.__qualname__}", function, found)
            self.add(made)
            return made

        return register if call is None else register(call)

    def add(self, job: Job) -> None:
        """Raises:
        ValueError: another function has that name.
        """
        there = self._jobs.get(job.name)
        if there is not None and there.call.__qualname__ != job.call.__qualname__:
            raise ValueError(f"two functions are called {job.name}: {there.call} and {job.call}")
        if not 0 < len(job.name) <= NAME_CHARS_MAX:
            raise ValueError(f"a job's name has up to {NAME_CHARS_MAX} characters")
        self._jobs[job.name] = job

    def find(self, name: str) -> Job:
        """Raises:
        Refusal: `unknown_function`.
        """
        found = self._jobs.get(name)
        if found is None:
            near = difflib.get_close_matches(name[:NAME_CHARS_MAX], self._jobs, n=1, cutoff=0.5)
            hint = {"did_you_mean": near[0]} if near else {"possible": self.names()[:20]}
            raise Refusal("unknown_function", function=name[:NAME_CHARS_MAX], **hint)
        return found

    def get(self, name: str) -> Job | None:
        return self._jobs.get(name)

    def names(self) -> list[str]:
        return sorted(self._jobs)

    def jobs(self) -> list[Job]:
        return [self._jobs[name] for name in self.names()]

    def queues(self) -> list[str]:
        return sorted({DEFAULT_QUEUE, *(job.spec.queue for job in self._jobs.values())})


JOBS = Registry()
"""The process's own."""


def _arguments(name: str, call: Callable[..., Any]) -> tuple[bool, type[msgspec.Struct]]:
    hints = get_type_hints(call, include_extras=True)
    fields: list[Any] = []
    parameters = list(inspect.signature(call).parameters.values())
    takes_context = bool(parameters) and (parameters[0].name == "ctx" or hints.get(parameters[0].name) is JobContext)
    for parameter in parameters[1 if takes_context else 0 :]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"{name}: a job names its arguments; *{parameter.name} cannot be checked")
        if parameter.name not in hints:
            raise TypeError(f"{name}: the argument {parameter.name} has no type")
        if parameter.default is parameter.empty:
            fields.append((parameter.name, hints[parameter.name]))
        else:
            fields.append((parameter.name, hints[parameter.name], _default(parameter.default)))
    made = msgspec.defstruct("Arguments", fields, kw_only=True, frozen=True, forbid_unknown_fields=True)
    return takes_context, made


def _default(value: Any) -> Any:
    return msgspec.field(default_factory=lambda: value) if isinstance(value, list | dict | set) else value
