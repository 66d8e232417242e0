"""The queue: which job is generated next, and on which worker.

scheduler.py             who is painted next, where (waiting_jobs.py the jobs, queue_slots.py the workers that it knows, checkpoint_switching.py when a worker loads another checkpoint); queue_simulation.py plays it forward, for forecasts
simulation.py            ??Forecasts of when jobs start and end: simulates the rules of the queue and the engine until no job is left
slots.py                 ??The workers as the queue sees them, and an index by which it finds one without looking at each
waiting_jobs.py          ??The jobs that wait for one checkpoint, in the orders by which the queue chooses among them
checkpoint_switching.py  ??Which checkpoint a worker is on: when it stays, and to which it switches. Pure policy; the clock is passed in
request_cost.py          how much work a request is, and the order inside one worker
"""
