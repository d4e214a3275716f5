"""Reads: of one partition, through an index, of ranges; read repair."""
