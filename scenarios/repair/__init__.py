"""Row-level repair."""
