"""Bookings: the value, how one is made, what may be done with it and what the clock does to it."""
