"""No cluster: a capture, and the conversation of CQL in it.

A scenario's statements are answered with what the capture's nodes answered; faults and changes of the schema are
compared with what the capture shows.
"""
