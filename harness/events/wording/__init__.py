"""What messages say, in a line each: one module for each family of verbs, and one for CQL."""
