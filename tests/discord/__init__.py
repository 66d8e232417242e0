"""Tests of the whole bot with the playground: real discord.py, real database, real worker."""
