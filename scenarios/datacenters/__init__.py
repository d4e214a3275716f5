"""Several datacenters."""
