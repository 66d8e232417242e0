"""The gateway: sends events to the bot.

intents.py     the events of each intent
shard.py       which servers' events a session receives
session.py     one login: its numbered events, kept for a resume
heartbeats.py  statistics of heartbeats
hub.py         all sessions; dispatches each event to the sessions that want it
socket.py      one websocket connection: hello, identify, heartbeat, resume
"""
