"""Exact and rigorous arithmetic on arrays."""
