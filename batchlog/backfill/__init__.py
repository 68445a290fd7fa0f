"""Old logs, once: into totals of their own, or into history with their own timestamps."""
