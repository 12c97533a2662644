"""Measurements that the README quotes. Each runs its peer or its limit beside us in the same run."""
