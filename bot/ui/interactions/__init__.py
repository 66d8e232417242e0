"""Interactions: acknowledging them, and replying to them.

acknowledge.py       acknowledges interactions within three seconds
replies.py           replies to errors with the sentence of the error class (`inference.errors`, `bot.errors`)
answers.py           interactions that are being answered, and who began them
lost.py              interactions that no longer wait for an answer of this program
chosen_messages.py   the messages whose menu was used
open_questions.py    the presses that opened questions, while their tokens are valid
discord_refusals.py  distinguishes permanent refusals of Discord from temporary ones
archived_threads.py  opens an archived thread for a request about a message in it
heartbeats.py        measures the heartbeats of the gateway
"""
