"""All samples of a run, each by its place: lengths known beforehand, media read when a sample is asked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset
from tqdm import tqdm

from movieqa.errors import ConfigError, TrainingError
from movieqa.model import Media, MovieConfig, MovieProcessor
from movieqa.model.slot_vocabulary import has_person_slots
from movieqa.storage import digest_file, digest_json

from .config import DataConfig
from .encoding import EncodedSample, encode_sample
from .example import NOTHING, Example, MediaRole, empty_example
from .formats.reading import read_sample
from .measures import SampleFacts, load_measures, measures_key, save_measures
from .media import MediaReader
from .opened import Frames, Medium
from .order import IntArray
from .record_files import RecordFile, check_regular
from .sample import BadSample, MediumRef, Sample, SampleError
from .templates import processor_for
from .workspaces import ReadTower


class TrainingSet(Dataset[Example]):
    """Samples by their places; use `open_training_set`.

    A bad sample is recorded with its reason; no other takes its place. What is found bad while it is opened is not
    counted in `len`; what is found bad later (a picture damaged in its middle) teaches nothing in its step.
    """

    def __init__(
        self,
        config: DataConfig,
        processor: MovieProcessor,
        media: MediaReader,
        samples: Sequence[SampleFacts],
        bad: Sequence[BadSample],
        digest: str,
    ) -> None:
        self._config = config
        self._processor = processor
        self._media = media
        self._files = [RecordFile(path) for path in config.files]
        self._found_bad = tuple(bad)
        self._late_bad: dict[int, BadSample] = {}
        self.samples = tuple(samples)
        self.digest = digest
        self.lengths: IntArray = np.array([sample.num_tokens for sample in samples], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def bad(self) -> tuple[BadSample, ...]:
        """All bad samples that were met so far, in the order they were found."""
        return (*self._found_bad, *self._late_bad.values())

    def __getitem__(self, index: int) -> Example:
        """Return a sample with its media; an empty example where it is bad, or for `NOTHING`.

        Raises:
            TrainingError: If more samples are bad than the run allows.
            IndexError: If there is no such sample.
        """
        if index == NOTHING:
            return empty_example(self.pad)
        if not 0 <= index < len(self.samples):
            raise IndexError(f"no sample {index} of {len(self.samples)}")
        try:
            return self._read(index)
        except SampleError as error:
            facts = self.samples[index]
            bad = BadSample(file=self._name(facts), number=facts.number, id="", reason=error.message)
            self.record([(index, bad)])
            return empty_example(self.pad, bad=(index, bad))

    def record(self, bad: Sequence[tuple[int, BadSample]]) -> None:
        """Count samples that were found bad, here or in another process; twice the same one counts once.

        Raises:
            TrainingError: If more samples are bad than the run allows.
        """
        self._late_bad.update(bad)
        check_bad(self.bad, self._config.max_bad)

    def describe(self, index: int) -> str:
        """Return what errors call a sample: its file and record."""
        return f"{self._name(self.samples[index])}: record {self.samples[index].number}"

    @property
    def pad(self) -> int:
        """Id of padding."""
        pad = self._processor.tokenizer.pad_token_id
        return 0 if pad is None else int(pad)

    def _name(self, facts: SampleFacts) -> str:
        return self._config.files[facts.file].name

    def _read(self, index: int) -> Example:
        facts = self.samples[index]
        sample = read_sample(self._files[facts.file].read(facts.place), self._config)
        encoded = _encode(sample, self._media, self._processor, self._config)
        if len(encoded) != facts.num_tokens:
            raise SampleError("the sample or its media changed since the data was opened")
        read: dict[tuple[str, bytes], Frames] = {}  # the same frames in two turns are the same tensor

        def open_media(ref: MediumRef, medium: Medium, frames: NDArray[np.int64]) -> Media:
            key = (medium.source, repr(ref.stretch).encode() + frames.tobytes())
            if key not in read:
                read[key] = medium.read(frames)
            guidance = self._processor.guidance_ids(ref.guidance)
            return Media(guidance_ids=guidance, pixels=read[key].pixels, features=read[key].features)

        people = [(ref, self._media.open(ref)) for ref in sample.people]
        return Example(
            input_ids=encoded.encoded.input_ids,
            labels=encoded.encoded.labels,
            media=tuple(map(open_media, encoded.refs, encoded.media, encoded.frames)),
            roles=tuple(MediaRole(role=ref.role, identity=ref.identity) for ref in encoded.refs),
            people=tuple(open_media(ref, medium, np.arange(medium.num_frames)) for ref, medium in people),
            people_roles=tuple(MediaRole(role=ref.role, identity=ref.identity) for ref in sample.people),
            segments=(len(encoded),),
            indices=(index,),
            names=(self.describe(index),),
        )


def open_training_set(
    config: DataConfig,
    processor: MovieProcessor,
    model_config: MovieConfig,
    *,
    read_tower: ReadTower | None = None,
    progress: bool = False,
    found_bad: list[BadSample] | None = None,
) -> TrainingSet:
    """Open all files of a run: every record is read and measured, every medium found, no picture decoded yet.

    Args:
        config: Files, folders and limits.
        processor: Of the model that is trained.
        model_config: Its configuration.
        read_tower: Returns the fingerprint of its vision tower, for films whose stored features tell theirs; without it
            features of the right shape are taken.
        progress: Show a bar on standard error.
        found_bad: Bad samples are added to it as they are found, also where none is good in the end.

    Raises:
        ConfigError: If a file cannot be read, or slots are to be written that the model does not have.
        TrainingError: If more samples are bad than `config.max_bad`, or none is good.

    Example:
        >>> data = open_training_set(DataConfig(files=(Path("align.json"),)), processor, model.config)  # doctest: +SKIP
        >>> len(data), int(data.lengths.max())  # doctest: +SKIP
        (40, 92)
    """
    if not config.files:
        raise ConfigError("no training data", hint="give files of records with --data")
    if config.people != "names" and not has_person_slots(processor.tokenizer):
        raise ConfigError(
            f"data.people={config.people}: the model has no slots for people",
            hint="add person_slots to model.trains, or set data.people=names",
        )
    folders = config.media or tuple(dict.fromkeys(path.parent for path in config.files))
    trained = processor_for(processor, model_config, config.template)
    media = MediaReader(trained, model_config, config, folders, read_tower=read_tower)
    samples: list[SampleFacts] = []
    bad: list[BadSample] = [] if found_bad is None else found_bad
    settings = _settings_digest(config, model_config)
    hashed = hashlib.sha256(settings.encode())
    for number, path in enumerate(config.files):
        start = len(samples)
        digest = _digest(path)
        hashed.update(digest.encode())
        key = measures_key(digest, settings, folders, trained)
        measured = load_measures(key, file=number)
        if measured is None:
            num_bad = len(bad)
            measured = _scan(number, path, media, trained, config, bad, progress=progress)
            if len(bad) == num_bad:
                save_measures(key, measured, media.signatures)
        samples += measured
        if config.weights:
            samples[start:] = _weighted(samples[start:], config.weights[number], seed=config.seed + number)
    check_bad(bad, config.max_bad)
    if not samples:
        first = f"; the first is bad: {bad[0]}" if bad else ""
        raise TrainingError(f"no sample to learn from in {', '.join(str(path) for path in config.files)}{first}")
    for facts in samples:
        hashed.update(f"{facts.file}:{facts.number}:{facts.num_tokens}:{facts.num_frames};".encode())
    return TrainingSet(config, trained, media, samples, bad, f"sha256:{hashed.hexdigest()}")


def check_bad(bad: Sequence[BadSample], most: int) -> None:
    """Raise `TrainingError` if there are too many bad samples."""
    if len(bad) > most:
        raise TrainingError(
            f"{len(bad)} bad samples, and at most {most} are allowed; the first: {bad[0]}",
            hint="see all with: movieqa data check FILE, allow some with --max-bad",
        )


def _digest(path: Path) -> str:
    check_regular(path)
    try:
        return digest_file(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})", hint="see data.files") from error


def _scan(
    number: int,
    path: Path,
    media: MediaReader,
    processor: MovieProcessor,
    config: DataConfig,
    bad: list[BadSample],
    *,
    progress: bool,
) -> list[SampleFacts]:
    """Read a file once; good samples come back, the others are added to `bad`."""
    samples = []
    records = enumerate(RecordFile(path).scan(), start=1)
    for count, (place, record) in tqdm(records, desc=path.name, unit="sample", disable=not progress):
        try:
            if isinstance(record, SampleError):
                raise record
            sample = read_sample(record, config)
            encoded = _encode(sample, media, processor, config)
        except SampleError as error:
            name = "" if isinstance(record, SampleError) else _id_of(record)
            bad.append(BadSample(file=path.name, number=count, id=name, reason=error.message))
            continue
        learned = int((encoded.encoded.labels[1:] >= 0).sum())
        samples.append(
            SampleFacts(
                file=number,
                number=count,
                place=place,
                format=sample.format,
                num_tokens=len(encoded),
                num_learned=learned,
                num_frames=encoded.num_frames,
                cuts=encoded.cuts,
            )
        )
    return samples


def _encode(sample: Sample, media: MediaReader, processor: MovieProcessor, config: DataConfig) -> EncodedSample:
    opened = [media.open(ref) for ref in (*sample.media, *sample.people)][: len(sample.media)]
    return encode_sample(sample, opened, processor, max_length=config.max_length)


def _weighted(samples: list[SampleFacts], weight: float, *, seed: int) -> list[SampleFacts]:
    """Repeat samples as often as their file's weight says; a part of a repetition is chosen by chance, in order."""
    times, share = divmod(weight, 1.0)
    dice = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 7])))
    some = np.sort(dice.permutation(len(samples))[: round(share * len(samples))])
    return samples * int(times) + [samples[index] for index in some]


def _settings_digest(config: DataConfig, model_config: MovieConfig) -> str:
    """Return the digest of all settings that decide what a sample is."""
    content: dict[str, Any] = asdict(replace(config, files=(), weights=(), media=()))
    for name in ("packing", "group_by_length", "max_bad", "num_workers", "stall_seconds"):
        del content[name]
    content |= {"weights": list(config.weights), "tokens_per_frame": model_config.num_tokens_per_frame}
    return digest_json(json.loads(json.dumps(content, default=str)))


def _id_of(record: dict[str, Any]) -> str:
    found = record.get("id", "")
    return str(found)[:80] if isinstance(found, str | int) else ""
