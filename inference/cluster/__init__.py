"""Workers on other machines. The bot imports wire.py alone; nothing here imports Ray before it is used.

wire.py      frames between the bot and the driver process, and the handshake of the two
"""
