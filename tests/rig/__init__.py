"""What the end-to-end tests stand on: the real binary, senders, and waiting for something to be true."""
