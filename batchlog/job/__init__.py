"""The job: one run, and what else changes the checkpoint."""
