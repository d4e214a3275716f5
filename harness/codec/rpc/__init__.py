"""Seastar's RPC framing as ScyllaDB's nodes speak it: negotiation, frames, rpc streams, compression."""
