"""What a discovery found: text, HTML, JSON and LaTeX."""
