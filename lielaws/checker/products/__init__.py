"""Both bounds of networks that are functions of products of matrices: see `forms`."""
