"""The record of a discovery, and its independent checker."""
