"""What a node is for clients and operators: the CQL server, and the REST API."""
