"""Model files that `edgemed mr train` copies beside its recipe; import in functions only."""
