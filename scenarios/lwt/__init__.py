"""Lightweight transactions."""
