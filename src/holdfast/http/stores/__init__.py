"""Stores over HTTP: connections, sync runs, webhooks, lifetime value; and the addresses of the system they replace."""
