"""Measures the identity memory: two crowded hours of faces, look-ups while a film runs, and the people step's speed.

The crowded film has ten faces or more in most sampled frames for two hours (embeddings, no pictures: see
`tests/people_films.py`). Its seconds and memory are those of a process of its own that links the faces into tracklets,
clusters the film and names it. The people step runs on `tests/assets/signs.mp4` sampled five times a second, in turn
with a bare loop that reads the same frames and calls the same provider, and nothing else; what counts is the ratio of
their medians.
The networks of `onnx`, `sface` and `model` are tiny ones made for tests, so their frames a second say how little is
added, not how fast published files are; put those into a folder and name it in MOVIEQA_SFACE to measure them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np

from movieqa import api
from movieqa.eval.identity import idf1
from movieqa.frames import open_frames
from movieqa.memory.classical import ClassicalProvider
from movieqa.memory.clustering import calibrate, cluster_film
from movieqa.memory.identity_memory import IdentityMemory
from movieqa.memory.naming import name_groups
from movieqa.memory.people import find_people
from movieqa.memory.provider import METRIC, Provider
from movieqa.memory.sface import SFaceProvider
from movieqa.memory.tracklets import link_shot
from movieqa.people_files import ProviderFacts
from tests.people_films import DIMENSION, make_people_film
from tests.people_workspaces import make_other_provider, make_provider

ASSETS = Path(__file__).parent.parent / "assets"
CROWD = 12
ROUNDS = 3
FPS = 5.0
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Crowded:
    """What the crowded film cost."""

    faces: int
    tracklets: int
    people: int
    link_seconds: float
    cluster_seconds: float
    name_seconds: float
    look_up_milliseconds: float
    """A tracklet, with everything the memory does at once."""
    decide_seconds: float
    """All decisions of the streaming memory together, every ten minutes of film and at the end."""
    megabytes: float
    own_megabytes: float
    """Without the film itself, which the benchmark made in the same process."""
    idf1: float


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def run_crowded() -> Crowded:
    """Link, cluster and name a film with about ten faces in every frame, and stream it through a memory."""
    film = make_people_film(SEED, crowd=CROWD)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    facts = ProviderFacts(name="bench", fingerprint="bench", dimension=DIMENSION, licence="", abilities="")
    memory = IdentityMemory(facts, METRIC)
    truth, places, spent = [], [], {"link": 0.0, "look": 0.0}
    decide = 0.0
    for shot, (frames, (start, end), people) in enumerate(zip(film.shots, film.bounds, film.people, strict=True)):
        started = time.perf_counter()
        tracks = link_shot(frames, METRIC)
        spent["link"] += time.perf_counter() - started
        spans = [(max(start, track.frames[0]), min(end, track.frames[-1] + 1.0)) for track in tracks]
        started = time.perf_counter()
        memory.look_up(tracks, spans)
        spent["look"] += time.perf_counter() - started
        number = {(f, r): len(memory) + i for i, t in enumerate(tracks) for f, r in zip(t.frames, t.rows, strict=True)}
        for faces, who in zip(frames, people, strict=True):
            truth += who.tolist()
            places += [number[faces.frame, row] for row in range(len(faces))]
        started = time.perf_counter()
        memory.add_shot(shot, tracks, spans)
        decide += time.perf_counter() - started
    rows = memory.rows()
    started = time.perf_counter()
    labels = cluster_film(rows, METRIC, calibrate(rows, METRIC))
    cluster = time.perf_counter() - started
    started = time.perf_counter()
    groups = np.unique(labels[labels >= 0])
    means = np.array([rows.vectors[labels == group].mean(axis=0) for group in groups], np.float64)
    photos = np.array([film.photos[person].mean(axis=0) for person in film.photos], np.float64)
    name_groups(means, photos, METRIC)
    name = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Crowded(
        faces=len(truth),
        tracklets=len(rows),
        people=film.num_people,
        link_seconds=spent["link"],
        cluster_seconds=cluster,
        name_seconds=name,
        look_up_milliseconds=1000 * spent["look"] / len(rows),
        decide_seconds=decide - spent["look"],
        megabytes=peak,
        own_megabytes=peak - before,
        idf1=idf1(np.array(truth), labels[np.array(places)]),
    )


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The people step beside the provider's own bare loop, frames a second."""

    provider: str
    step: float
    bare: float

    @property
    def ratio(self) -> float:
        """How many times the bare loop's time the step takes."""
        return self.bare / self.step


def measure_provider(name: str, provider: Provider, folder: Path) -> Speed:
    """Run the people step and the bare loop in turn."""
    workspace = api.preprocess_movie(ASSETS / "signs.mp4", output=folder / f"{name}.movieqa", fps=FPS)
    count = len(workspace.frames)
    steps, loops = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with open_frames(workspace) as reader:
            for start in range(0, count, 32):
                for picture in reader.read(range(start, min(start + 32, count))):
                    provider.embed(picture, provider.detect(picture))
        loops.append(time.perf_counter() - started)
        started = time.perf_counter()
        workspace = find_people(workspace, provider, force=True)
        steps.append(time.perf_counter() - started)
        say(f"{name}: step {steps[-1]:.1f} s, bare loop {loops[-1]:.1f} s")
    return Speed(provider=name, step=count / median(steps), bare=count / median(loops))


def main() -> None:
    """Measure everything and print it as Markdown."""
    if sys.argv[1:] == ["crowded"]:
        print(json.dumps(asdict(run_crowded())))
        return
    from movieqa.memory.model_provider import ModelProvider  # torch has no part in the memory of two crowded hours
    from tests.tiny_id_former import save_tiny_people_model

    say("two crowded hours")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_memory", "crowded"], stdout=subprocess.PIPE, text=True, check=True
    )
    crowded = Crowded(**json.loads(done.stdout))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        providers: dict[str, Provider] = {
            "classical": ClassicalProvider(),
            "onnx (tiny networks)": make_provider(folder / "onnx"),
            "sface (tiny networks)": make_other_provider(folder / "sface"),
            "model (tiny random)": ModelProvider(save_tiny_people_model(folder / "tiny"), device="cpu"),
        }
        if "MOVIEQA_SFACE" in os.environ:
            providers["sface"] = SFaceProvider.from_folder(Path(os.environ["MOVIEQA_SFACE"]))
        speeds = [measure_provider(label, provider, folder) for label, provider in providers.items()]
    total = crowded.link_seconds + crowded.cluster_seconds + crowded.name_seconds
    print("## Who is who\n")
    print(
        f"Two hours at one frame a second with ten faces a frame or more: {crowded.faces:,} faces of {crowded.people} "
        f"people in {crowded.tracklets:,} tracklets (embeddings, no pictures).\n"
    )
    print("| what | measured | limit |\n|---|---:|---:|")
    print(f"| linking faces into tracklets, s | {crowded.link_seconds:.1f} | |")
    print(f"| clustering the film, s | {crowded.cluster_seconds:.1f} | |")
    print(f"| naming twelve of them, s | {crowded.name_seconds:.2f} | |")
    print(f"| all three, s | {total:.1f} | 30 |")
    print(f"| peak memory of the process, the film itself included, MB | {crowded.megabytes:.0f} | 1000 |")
    print(f"| of that the memory's own, MB | {crowded.own_megabytes:.0f} | |")
    print(f"| look-up while the film runs, ms a tracklet | {crowded.look_up_milliseconds:.2f} | 1 |")
    print(f"| deciding every ten minutes of film, all together, s | {crowded.decide_seconds:.1f} | |")
    print(f"| IDF1 | {crowded.idf1:.3f} | |")
    print("\nThe people step beside the provider's own bare loop over the same frames:\n")
    print("| provider | step, frames/s | bare loop, frames/s | times its time | limit |\n|---|---:|---:|---:|---:|")
    for speed in speeds:
        print(f"| {speed.provider} | {speed.step:.1f} | {speed.bare:.1f} | {speed.ratio:.2f} | 1.2 |")


if __name__ == "__main__":
    main()
