"""Tests of `bot.sources`, against a server on this machine that speaks the APIs of both hubs."""
