"""The queue: which job is generated next, and on which worker.

scheduler.py             chooses the next jobs of each worker
policy.py                the weight of a person, and how many jobs may wait
waiting_jobs.py          the jobs that wait for one checkpoint, in the orders in which they are chosen
slots.py                 the workers that the queue knows
checkpoint_switching.py  when a worker loads another checkpoint
request_cost.py          how much work a request is, and the order inside one worker
simulation.py            forecasts when jobs start and end
"""
