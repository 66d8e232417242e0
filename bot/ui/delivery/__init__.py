"""Where a result goes, and that it goes there once, also after a restart.

orders.py              a request from Discord becomes a job, and the person is told that it waits
following.py           keeps the message of a job up to date until its end
delivery.py            the states of a delivery, and the ways to the person
discord_transport.py   Discord's side of a delivery, with discord.py
alarms.py              direct messages to operators
seal.py                short secrets that outlive the program, unreadable without the bot's token
"""
