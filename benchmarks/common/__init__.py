"""What the benchmarks share: result rows and Markdown tables."""
