"""Found before the installed package of this name."""
