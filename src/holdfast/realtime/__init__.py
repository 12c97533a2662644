"""Who listens: journal lines to screens as they are written, to as many as want them, without a hole."""
