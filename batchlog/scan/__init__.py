"""From lines to tallies."""
