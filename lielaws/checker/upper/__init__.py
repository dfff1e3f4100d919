"""There are at most so many laws: brackets have a rank."""
