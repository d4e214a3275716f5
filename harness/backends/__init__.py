"""Clusters that scenarios can drive, each behind the contract of ``contract``."""
