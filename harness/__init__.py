"""A harness that shows, and asserts, what ScyllaDB nodes say to each other on the wire.

The folders of this package are the stages of a pipeline, in the order of the flow:
codec (bytes to values and back), dissect (a capture to a trace), events (the trace and its questions).
"""

__version__ = "0.1.0"
