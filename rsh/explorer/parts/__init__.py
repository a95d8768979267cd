"""Parts of the page with panels, messages and a state of their own."""
