"""Jobs, what they cost, and the messages that show them.

jobs.py             jobs and their states
queue_state.py      unfinished jobs by checkpoint, and the last failures
orders.py           what jobs cost of the day's quotas, and what was known of their people
deliveries.py       whether the result of a job was delivered
pauses.py           servers whose jobs are not started
history.py          a person's finished jobs, by page or by search
ratings.py          for whom a job's pictures are, by staff, an operator or the classifier
terms.py            the words of a job in the full text index
paces.py            how long things were measured to take
posted_messages.py  messages that name a person and are of no order
"""
