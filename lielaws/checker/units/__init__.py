"""Both bounds of networks whose hidden units are all gated, from their steps alone: see `classes`."""
