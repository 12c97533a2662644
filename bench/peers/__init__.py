"""Scripts that measure one job system each, ours among them, alike: run with a database URL, they print JSON."""
