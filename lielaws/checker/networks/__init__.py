"""Networks, their flows and their gates, as read from the steps in a file."""
