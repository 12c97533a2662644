"""Jobs as decisions: what follows from the end of an attempt, who may run, why one waits. Pure."""
