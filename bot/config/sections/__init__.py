"""The sections of config.toml. The docstring under a field is its comment in the example.

discord_settings.py  the token, the operators
storage.py           the data folder, copies of the database
retention.py         how long Easel stores the data of people
privacy.py           who is responsible for stored data
monitoring.py        logs and metrics
library.py           the folder of LoRA files
sources.py           hubs from which people add LoRAs
worker.py            the processes that generate pictures
cluster.py           workers on other machines
limits.py            limits of requests and of the queue
matching.py          different base models that go together
moderation.py        rules on words
classifier.py        the classifier of finished pictures
text_judge.py        the model that reads prompts
faces.py             photographed faces in uploaded pictures
c2pa.py              signatures in pictures
watermark.py         the watermark in the pixels of pictures
checkpoints.py       the settings of one checkpoint
"""
