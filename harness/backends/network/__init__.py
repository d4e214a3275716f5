"""Network namespaces on a bridge of their own: leases, links, processes in them, faults, and cleaning up."""
