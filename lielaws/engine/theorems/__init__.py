"""Networks that are functions of products of their parameters, whose laws are known from theorems for all sizes."""
