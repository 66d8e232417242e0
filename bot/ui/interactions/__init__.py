"""Interactions and replies to them.

acknowledge.py       acknowledges interactions within three seconds
answers.py           which interactions are being answered, and by whom they were begun
lost.py              which interactions wait for an answer of this program no longer
open_questions.py    the presses that opened questions, while their tokens are valid
replies.py           error replies: the sentence that an error class carries (`inference.errors`, `bot.errors`)
discord_refusals.py  tells what Discord refuses for good from what may pass
heartbeats.py        measures the heartbeats of the gateway
archived_threads.py  opens an archived thread for a request about a message in it
"""
