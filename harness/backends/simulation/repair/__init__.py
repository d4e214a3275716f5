"""Row-level repair: replicas of a range compare hashes of their rows, and give each other what is missing."""
