"""The panels of the dashboard: a Python, a JavaScript and perhaps a CSS file of one name."""
