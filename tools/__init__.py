"""Tools that build what the bot ships; none of them runs inside the bot.

demo/            trains the demo checkpoints and LoRAs
lora_tables/     makes the tables of module shapes in inference/lora
pretend_card/    a pretend CUDA card, for tests and benchmarks of the engine
screenshots/     takes the screenshots of the documents
guide.py         paints the pictures of `/guide`
engine_chart.py  draws the chart of docs/engine.md
picture_costs.py counts what a picture costs in memory and arithmetic
i18n.py          collects the sentences of the bot into its catalogues
privacy.py       writes docs/privacy.md
request_path.py  counts the files that a reader meets on the way of a request
constraints.py   writes the tested versions with their sizes, and tells what an installation downloads
release.py       builds the files of a release
"""
