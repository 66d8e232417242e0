"""Requests that share each forward pass of the denoiser.

batch.py                  the running batch: join, step, leave
run.py                    one request in it: sampler, noise, guidance; denoising_run.py is the protocol
samplers.py               samplers by name
pred_original_sample.py   the denoised latents that a step predicts
handle.py                 what whoever submitted a request holds
failures.py               a failure stays with its request: retried alone, or told
snapshots.py              the state of a request between two steps, on disk
decoder.py                decodes finished requests on a separate thread
caps.py                   how many pictures are worth painting together; calibration.py measures it at once
"""
