"""The worker process around the engine: `python -m inference.engine`.

serve.py         the loop: receive, step, report
channel.py       commands on stdin, events on stdout
job_runner.py    jobs on top of the engine: pictures with their parameters into the spool, previews, events
text_reader.py   jobs whose texts the text judge reads before the engine gets them
states.py        snapshots of unfinished jobs in the spool, to resume from
calibrating.py   the process of `python -m bot calibrate`
"""
