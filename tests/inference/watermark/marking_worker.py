"""A worker whose watermark is LeastBits: `python -m tests.inference.watermark.marking_worker`."""

from __future__ import annotations

from inference.engine.__main__ import channel  # first: it takes stdout over
from inference.engine.process.serve import Server
from tests.inference.watermark.least_bits import LeastBits

if __name__ == "__main__":
    Server(channel, open_watermark=lambda spec, device: LeastBits()).run()
