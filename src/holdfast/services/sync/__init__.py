"""Syncing stores: runs and their leases, reading one stream to a verdict, what starts by itself."""
