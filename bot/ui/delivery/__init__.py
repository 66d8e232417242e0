"""Delivers the results of jobs to Discord, each exactly once, also after a restart.

orders.py              creates a job from a request, replies that it waits, and resumes deliveries after a restart
job_follower.py        keeps the message of a job up to date until the job ends
delivery.py            the states of a delivery, the routes to the person, and why a crash sends nothing twice
delivered_results.py   hides the result that its owner deletes, and shows it again
discord_transport.py   the `Transport` of a delivery, with discord.py; encrypts the tokens that the database keeps
report_messages.py     messages about reports, to staff and to owners
nonces.py              nonces, which keep Discord from posting a message twice
direct_messages.py     direct messages that are sent once
addition_notices.py    tells once how what people added has ended
update_notices.py      direct messages about newer versions, to those who want them
takedown_notices.py    tells authors that an operator removed pictures for a person shown in them
operator_alerts.py     direct messages to operators
"""
