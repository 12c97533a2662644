"""Lifetime value: counted for whom a batch touched, counted anew to verify, read, foretold."""
