"""What kind of network a graph is, found from its nodes, so that ranks of any size follow from theorems."""
