"""Workers on other machines. The bot imports wire.py alone; nothing here imports Ray before it is used.

wire.py            frames between the bot and the driver process, and the handshake of the two
compatibility.py   what a machine says of itself, and why one is refused
files.py           a node's cache of files, known by their SHA-256
worker_folder.py   the folders of one worker on a node, filled from the cache
"""
