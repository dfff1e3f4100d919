"""The record of a discovery, which `lielaws.checker` checks."""
