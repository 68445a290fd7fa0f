"""State: totals and positions, and the one file that keeps both."""
