"""Every annotated shape of the model is checked once, by running it under jaxtyping's import hook."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from jaxtyping import install_import_hook

names = ["tokens", "modeling", "cache", "processor"]
with install_import_hook([f"movieqa.model.{name}" for name in names], "beartype.beartype"):
    import torch
    from movieqa.model import Media
    from movieqa.prompt import Turn
    from tests.tiny_checkpoint import make_tiny_model, tiny_processor

torch.set_num_threads(1)
model, processor = make_tiny_model(), tiny_processor()
pixels = torch.rand(3, 3, 112, 112)
guidance = processor.guidance_ids("Who runs?")
picture = Media(guidance_ids=guidance, pixels=pixels[:1])
film = Media(guidance_ids=guidance, features=model.encode_frames(pixels).detach().half())
turns = [Turn(role="user", text="<image> Who runs?"), Turn(role="assistant", text="Mara.")]
samples = [processor.encode(turns, num_slots=[2 * media.num_frames]) for media in (picture, film)]
batch = processor.collate(samples, pad_left=True)
given = {"media": [[picture], [film]], "attention_mask": batch.attention_mask}
assert model(batch.input_ids, labels=batch.labels, **given).loss > 0
ids = model.generate(batch.input_ids, **given, max_new_tokens=3, prefill_chunk=5, do_sample=False)
print(tuple(ids.shape))
"""


def test_annotated_shapes_hold() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "(2, 3)"
