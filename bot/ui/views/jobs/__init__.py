"""Jobs: progress, queue, history and requests that wait.

progress.py        the message of an unfinished job
queue.py           the jobs of a person, and of everybody
history.py         the list of a person's own pictures
kept_drafts.py     drafts that buttons go on with, each for its person alone
linked_request.py  requests that name LoRAs by link: what is not here is offered, and then they go on
"""
