"""The gateway: how events reach the bot.

intents.py   which events a bot hears, by the intents it asked for
session.py   one login: its numbered events, kept for a resume
pulse.py     heartbeats: how often, and how late
hub.py       all sessions; hands every event to those who want it
socket.py    one websocket connection: hello, identify, heartbeat, resume
"""
