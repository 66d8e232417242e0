"""The sections of config.toml. The docstring under a field is its comment in the example.

discord_settings.py  the token, the operators
storage.py           the data folder, copies of the database
retention.py         how long what people leave is kept
privacy.py           who is responsible for stored data
monitoring.py        logs and metrics
library.py           the folder of LoRA files
sources.py           hubs from which people add LoRAs
worker.py            the processes that paint
cluster.py           workers on other machines
limits.py            how much may be asked for, who waits
matching.py          base models that go together although they differ
moderation.py        rules on words
classifier.py        the classifier of finished pictures
text_judge.py        the model that reads the words of requests
faces.py             photographed faces in pictures that people give
c2pa.py              signatures in pictures
watermark.py         the watermark in the pixels of pictures
checkpoints.py       the settings of one checkpoint
"""
