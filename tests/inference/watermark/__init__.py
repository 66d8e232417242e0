"""The watermark: its payload, its files, and pictures that a worker marks."""
