"""How the two demo checkpoints and their LoRAs were made: run `python -m tools.demo all --out DIR`.

__main__.py · legs.py                             the command, and the stages of a build
world.py · shapes.py · captions.py · dataset.py   the demo world: its pictures and their captions
tokenizer.py · networks.py · vae.py · ema.py      tokenizers, untrained networks, the picture codec, averaged weights
diffusion.py · base.py · lora.py · lessons.py     the losses, and the trainings of checkpoints and LoRAs
ship.py                                           puts trained parts together as people download them
paint.py · judge.py · effects.py · evaluate.py    paints with the result, recognises what it shows, measures it
report.py · sheets.py · progress.py               figures, contact sheets, progress bars
"""
