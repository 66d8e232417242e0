"""The whole bot at the playground: real discord.py, real database, real worker."""
