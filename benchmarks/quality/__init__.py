"""How well codes retrieve."""
