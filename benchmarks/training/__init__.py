"""How fast a network trains."""
