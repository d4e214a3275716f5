"""What people look at: the page of a run, its files, pictures of its flow, and the index over runs."""
