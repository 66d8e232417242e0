"""Screenshots of every screen: `python -m tools.screenshots` walks through the local channel in headless Chromium."""
