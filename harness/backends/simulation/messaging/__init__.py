"""Seastar RPC between simulated nodes: who is connected to whom for which verbs, requests, replies, streams."""
