"""What clusters said, brought into a form in which two of them can be compared: normalised, compared, told."""
