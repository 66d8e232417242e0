"""Tests of inference.lora."""
