"""Published statements on conservation laws, each computed on instances. Told the claims, never the answers."""
