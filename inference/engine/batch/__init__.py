"""Requests that share each forward pass of the denoiser.

batch.py                  the running batch: join, step, leave
passes.py                 which rows of which runs share a forward pass, and the LoRA slots of each pass
regions.py                how the predictions of a picture's regions are blended
admission.py              whether a request has memory beside those that run
run.py                    one request in it: sampler, noise, guidance; denoising_run.py has the protocols
handle.py                 the handle of a submitted request: state, progress, pictures
failures.py               a failure stays with its request: steps are retried for each run
snapshots.py              the state of a request between two steps, as a file
decoder.py                decodes finished requests on a separate thread
caps.py                   measures how many pictures share a pass, while requests run; calibration.py ahead of time
"""
