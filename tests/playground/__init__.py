"""Tests of the playground: real discord.py over real sockets, and every rule broken on purpose."""
