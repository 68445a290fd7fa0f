"""What the user asked for: file, environment and flags, checked."""
