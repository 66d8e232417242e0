"""Measurements, each printing one JSON object; never run by the tests. `make bench` runs them all."""
