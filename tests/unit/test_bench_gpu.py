"""The benchmark of the real size, run at a tiny one: every row is there, and without a GPU it says so in one line."""

from __future__ import annotations

import re

import pytest
import torch

from movieqa.model.config import tiny
from tests.bench.bench_gpu import Scale, main, measure


def test_every_row_is_measured() -> None:
    torch.set_num_threads(1)
    scale = Scale(
        config=tiny(),
        device="cpu",
        dtype=torch.float32,
        num_frames=24,
        batch=2,
        batches=2,
        prompt_tokens=96,
        chunk=32,
        answer_tokens=4,
        rounds=1,
    )
    table = measure(scale)
    for what in ("vision tower", "reading a prompt of 96 tokens", "tokens of 24 frames", "further question, the film"):
        assert re.search(rf"\| .*{what}.* \| [\d,.]+ .*\| [\d,.]+ ", table), table
    assert "matrix products and copies measured on this cpu" in table


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    told = capsys.readouterr()
    assert told.out == "" and told.err == "no GPU here: the real size was not measured\n"
