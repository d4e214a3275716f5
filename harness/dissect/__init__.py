"""From a capture to a trace: the codecs wired together (native), Wireshark's dissector, their difference."""
