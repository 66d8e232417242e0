"""Tests of the rules on words."""
