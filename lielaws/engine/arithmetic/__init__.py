"""What a graph is evaluated in: residues and jets over them, floats, exact polynomials, degrees and heights."""
