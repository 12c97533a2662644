"""Clients of the places where orders and ad spend come from. They read, page by page, and decide nothing."""
