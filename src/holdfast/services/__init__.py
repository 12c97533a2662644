"""What may be done: short stories of lock, decide, write."""
