"""How fast codes are searched."""
