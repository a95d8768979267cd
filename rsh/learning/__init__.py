"""Learning from labels that visitors give: what to label next, what is alike, and better codes."""
