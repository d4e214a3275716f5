"""Payloads of the verbs that nodes exchange, each declared once (see ``wire``), and the table of all verbs."""
