"""Jobs: put in with the caller's own transaction, run by any worker, explained to whoever asks."""
