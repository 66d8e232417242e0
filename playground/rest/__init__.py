"""Discord's REST API, as far as a bot that paints needs it; one file per noun.

endpoint.py      what an endpoint is: a route's template and a plain function
bodies.py        reads JSON and multipart requests
pipeline.py      around every endpoint: faults, token, rate limits, recording
users.py · applications.py · commands.py · interactions.py · webhooks.py · messages.py · reactions.py
channels.py · guilds.py · gateway.py
"""
