"""How fast the dashboard answers, and how many visitors it holds."""
