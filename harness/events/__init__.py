"""The trace: every message of a capture in order, paired, with what is missing; and questions to it."""
