"""Screenshots of every screen, and a moving picture: `python -m tools.screenshots` walks through the local channel."""
