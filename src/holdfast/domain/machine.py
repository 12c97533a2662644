"""State tables as data: `state → cause → state`. Nobody assigns a state anywhere else."""

from collections.abc import Mapping

from holdfast.domain.errors import Refusal

Table = Mapping[str, Mapping[str, str]]


class Machine:
    """A finite table of states and causes. `initial` are the states a booking may be born in."""

    def __init__(self, table: Table, *, initial: tuple[str, ...]) -> None:
        reached = {after for row in table.values() for after in row.values()} | set(initial)
        if missing := reached - set(table):
            raise ValueError(f"states without a row: {sorted(missing)}")
        self.table = table
        self.initial = initial
        self.states = tuple(table)
        self.causes = tuple(sorted({cause for row in table.values() for cause in row}))

    def after(self, state: str, cause: str) -> str:
        """The state that follows.

        Raises:
            Refusal: `wrong_state` when the table has no such step; `data` names what is possible instead.
        """
        row = self.table.get(state, {})
        if cause not in row:
            raise Refusal("wrong_state", state=state, cause=cause, possible=sorted(row))
        return row[cause]

    def allows(self, state: str, cause: str) -> bool:
        return cause in self.table.get(state, {})

    def is_final(self, state: str) -> bool:
        return not self.table[state]

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the docs."""
        lines = ["stateDiagram-v2"]
        lines += [f"    [*] --> {state}" for state in self.initial]
        for state, row in self.table.items():
            lines += [f"    {state} --> {after}: {cause}" for cause, after in row.items()]
            if not row:
                lines.append(f"    {state} --> [*]")
        return "\n".join(lines)
