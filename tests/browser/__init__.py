"""The newcomer's tour in a real browser: `make test-browser`. It leaves its screenshots in `screenshots/`."""
