"""Delivers the results of jobs to Discord, each exactly once, also after a restart.

orders.py              creates a job from a request, replies that it waits, and resumes deliveries after a restart
job_follower.py        keeps the message of a job up to date until the job ends
delivery.py            the states of a delivery, the routes to the person, and why a crash sends nothing twice
discord_transport.py   the `Transport` of a delivery, implemented with discord.py
operator_alerts.py     direct messages to operators
token_encryption.py    encrypts interaction tokens in the database with a key derived from the bot's token
"""
