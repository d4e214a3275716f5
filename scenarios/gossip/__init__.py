"""What nodes tell each other about themselves."""
