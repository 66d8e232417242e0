"""Requests that share each forward pass of the denoiser.

batch.py                  the running batch: join, step, leave
regions.py                the slots of a request, and how the predictions of its regions are blended
admission.py              whether a request has memory beside those that run
run.py                    one request in it: sampler, noise, guidance; denoising_run.py has the protocols
handle.py                 the handle of a submitted request: state, progress, pictures
failures.py               a failure stays with its request: steps are retried for each run
snapshots.py              the state of a request between two steps, as a file
decoder.py                decodes finished requests on a separate thread
caps.py                   measures how many pictures share a pass, while requests run; calibration.py ahead of time
"""
