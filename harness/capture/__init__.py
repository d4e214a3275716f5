"""Recording packets: taps on interfaces, dumpcap, marks in the capture, and how many packets were lost."""
