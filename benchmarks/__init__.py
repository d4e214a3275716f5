"""Speed and memory, measured against tshark and pyshark; not part of the tests."""
