"""There are at least so many laws: each is one, and they are independent."""
