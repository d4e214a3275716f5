"""What ``make demo`` shows: a small conversation that our own encoders write."""
