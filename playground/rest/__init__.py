"""Discord's REST API, as far as a bot that paints needs it; one file per noun.

endpoint.py      the definition of an endpoint: a route template and a plain function
bodies.py        parses JSON and multipart requests
pipeline.py      around every endpoint: faults, token, rate limits, recording
applications.py  /applications/@me
automod.py       AutoMod's rules
channels.py      channels, typing, threads
commands.py      application commands
gateway.py       the address of the websocket
guilds.py        servers, members, roles
interactions.py  the first response to an interaction
messages.py      messages with the bot's token
reactions.py     reactions and pins
threads.py       threads and forum posts
users.py         users and DMs
webhooks.py      the messages of an interaction after its first response
"""
