"""Where torch lives, and nowhere else: the worker process that paints.

__main__.py        the process; serve.py is its loop, channel.py its two pipes
painter.py         jobs on top of the engine; states.py keeps unfinished ones, snapshots.py is what is kept
engine.py          who joins, who paints, who leaves; options.py what an operator may choose about it
handle.py          what whoever submitted a request holds; mishaps.py keeps what goes wrong with one of them to it
intake.py          what is read, matched and folded before a request joins; lora_files.py, source_image.py
shelf.py           LoRAs in host memory; wardrobe.py has their folded sets; cache.py is how both keep to a limit
layer_names.py     names in files to layers here; normalise.py a file to changes, conversions.py the formulas
folding.py         several changes are one; low_rank.py, lora_set.py
additions.py       what is added to a layer's output; board.py tells each layer, bench.py stacks those of a batch
batch.py           requests that share a pass; run.py is one of them, samplers.py, clean.py
decoder.py         pictures beside the steps; decode.py is the VAE, previews.py what is cheaper
prompts.py         words and their weights; embeddings.py what the text encoders make of them
caps.py            how many share a pass; calibration.py and calibrating.py measure it at once
checkpoints.py     loading them; single_file.py, soundness.py whether one is whole, residence.py where its networks are
lean.py            what is asked once and not at each step; compiling.py
solo.py            architectures painted one at a time; solo_loras.py; painted.py is what both ways share
devices.py         which device, how precise, how much memory
"""
