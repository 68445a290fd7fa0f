"""When the job runs in the foreground."""
