"""Tests of the playground: real discord.py over real sockets, and a violation of every rule."""
