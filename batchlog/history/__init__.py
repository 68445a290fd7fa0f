"""History: what old logs hold as samples with their own times, in files that promtool takes."""
