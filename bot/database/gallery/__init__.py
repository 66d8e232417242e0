"""Published pictures of servers.

publications.py   pictures in the art channels of servers
pages.py          the published pictures of a server, by page
terms.py          a publication in the full text index, and what the gallery is filtered by
likes.py          who likes which published picture
features.py       LoRAs and pictures that staff feature
boards.py         the message of an art channel that shows what is newest
server_trends.py  how lately pictures with a LoRA were published and liked in a server
"""
