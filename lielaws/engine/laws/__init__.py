"""The search for laws, their verification, and how they are written."""
