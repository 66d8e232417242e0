"""Tests of inference.engine.lora."""
