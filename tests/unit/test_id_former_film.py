"""Films read with people in mind: off switch to the bit, the right people in the right frames, training and files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from movieqa.decoding import Decoding
from movieqa.errors import CheckpointError, ConfigError
from movieqa.identity import Box
from movieqa.loaded import LoadedModel
from movieqa.memory.film_identities import (
    FilmIdentities,
    FilmIdentitiesConfig,
    choose_references,
    crop,
    place_identities,
)
from movieqa.memory.id_former_film import FilmIdFormer, FilmIdFormerConfig, film_id_former
from movieqa.model import Conditioning, Media, MovieModel
from movieqa.preprocess.features import FeaturesConfig, add_features
from movieqa.session import FilmSession, SessionConfig
from movieqa.workspace import Workspace
from tests.casts import make_cast
from tests.tiny_checkpoint import make_tiny_model, tiny_processor
from tests.workspaces import make_shots, make_subtitles, make_workspace

CONFIG = FilmIdFormerConfig(vision_width=32, num_heads=2, num_queries=3)
GUIDANCE = torch.tensor([2, 9, 3])


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def make_former(*, seed: int = 0, is_trained: bool = True) -> FilmIdFormer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        former = FilmIdFormer(CONFIG)
        if is_trained:
            nn.init.normal_(former.identity_attention.out_proj.weight, std=0.5)
            nn.init.normal_(former.query, std=1.0)
    return former.eval()


def normal(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def conditioning(former: FilmIdFormer, present: Tensor, *, seed: int = 5) -> Conditioning:
    with torch.no_grad():
        memory = former.remember(list(normal(present.shape[1], 2, 64, 32, seed=seed)))
    return Conditioning(modulate=former, memory=memory, present=present)


@pytest.fixture(scope="module")
def model() -> MovieModel:
    return make_tiny_model()


@pytest.mark.parametrize("off", ["no identities", "nobody present", "gate", "silent"])
@torch.no_grad()
def test_off_is_the_plain_model_to_the_bit(model: MovieModel, off: str) -> None:
    features = normal(7, 65, 32).half()
    former = make_former(is_trained=off != "silent")
    present = torch.ones(7, 0 if off == "no identities" else 4, dtype=torch.bool)
    if off == "nobody present":
        present[:] = False
    if off == "gate":
        former.gate.zero_()
    people = conditioning(former, present)
    assert torch.equal(model.content_tokens(features, conditioning=people), model.content_tokens(features))
    for media in (
        Media(guidance_ids=GUIDANCE, features=features),
        Media(guidance_ids=GUIDANCE, pixels=normal(7, 3, 112, 112)),
    ):
        with_people = Media(guidance_ids=GUIDANCE, pixels=media.pixels, features=media.features, conditioning=people)
        assert torch.equal(model.frame_tokens(with_people), model.frame_tokens(media))


@torch.no_grad()
def test_tokens_are_made_of_conditioned_patches(model: MovieModel) -> None:
    """In blocks of frames, of chosen frames, and in a prompt: always what comes of features changed beforehand."""
    model.config.frames_per_block = 4
    features, present = normal(9, 65, 32), torch.zeros(9, 2, dtype=torch.bool)
    present[2:6, 0] = present[5:, 1] = True
    people = conditioning(make_former(), present)
    changed = people.apply(features)
    assert torch.equal(changed[:, 0], features[:, 0]) and torch.equal(changed[:2], features[:2])
    assert not torch.isclose(changed[2:, 1:], features[2:, 1:]).all(dim=-1).any()
    close = torch.testing.assert_close
    close(model.content_tokens(features, conditioning=people), model.content_tokens(changed))
    close(
        model.context_tokens(features, GUIDANCE, reads_class_token=False, conditioning=people),
        model.context_tokens(changed, GUIDANCE, reads_class_token=False),
    )
    chosen = torch.tensor([8, 0, 3])
    thinned = Media(guidance_ids=GUIDANCE, features=features, frame_indices=chosen, conditioning=people.rows(chosen))
    plain = Media(guidance_ids=GUIDANCE, features=changed[chosen])
    close(model.frame_tokens(thinned), model.frame_tokens(plain))
    ids = torch.tensor([[1, 5, *[-200] * 6, 7]])
    close(model(input_ids=ids, media=[[thinned]]).logits, model(input_ids=ids, media=[[plain]]).logits)


def test_conditioning_checks_its_frames_and_widths(model: MovieModel) -> None:
    former, features = make_former(), normal(3, 65, 32)
    people = conditioning(former, torch.ones(2, 1, dtype=torch.bool))
    for use in (
        lambda: model.content_tokens(features, conditioning=people),
        lambda: Media(guidance_ids=GUIDANCE, features=features, conditioning=people),
        lambda: people.apply(features),
    ):
        with pytest.raises(ConfigError, match="of 2 frames for 3 frames"):
            use()
    with pytest.raises(ConfigError, match="remembered 32 wide for features of width 16"):
        people.apply(normal(2, 65, 16))
    with pytest.raises(ConfigError, match="memory of 1 identities and a presence of 2"):
        Conditioning(modulate=former, memory=people.memory, present=torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(ConfigError, match="presence Bool"):
        Conditioning(modulate=former, memory=people.memory, present=torch.ones(2, 1))
    with pytest.raises(ConfigError, match="not \\[pictures, patches, 32\\]"):
        former.remember([normal(0, 64, 32)])
    with pytest.raises(ConfigError, match="60 patches are no square"):
        former.remember([normal(1, 60, 32)])
    with pytest.raises(ConfigError, match="its 5 heads"):
        FilmIdFormerConfig(vision_width=32, num_heads=5)
    with pytest.raises(ConfigError, match="at least 1"):
        FilmIdFormerConfig(num_queries=0)


def test_the_size_for_the_published_tower() -> None:
    with torch.device("meta"):
        former = FilmIdFormer(film_id_former(1408))
    assert former.config == FilmIdFormerConfig()
    for attention in (former.pooling, former.identity_attention):
        assert sum(one.numel() for one in attention.parameters()) == 7_935_488


def test_a_silent_one_learns() -> None:
    """From a start that changes nothing, a few steps fit a target; a zero gate beside zero weights never would."""
    former = make_former(is_trained=False).train()
    patches = normal(4, 64, 32)
    target = patches + normal(4, 1, 32, seed=8)
    references = [normal(1, 64, 32, seed=seed) for seed in (1, 2)]
    present = torch.tensor([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=torch.bool)
    optimizer = torch.optim.Adam(former.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = (former(patches, former.remember(references), present) - target)[:3].square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in (former.gate, former.query))


def test_saved_and_loaded(tmp_path: Path) -> None:
    former = make_former()
    former.save(tmp_path / "former")
    loaded = FilmIdFormer.load(tmp_path / "former")
    assert loaded.config == CONFIG
    for name, tensor in former.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    assert FilmIdFormer.load(tmp_path / "former", dtype=torch.bfloat16).query.dtype == torch.bfloat16
    with pytest.raises(CheckpointError, match="exists already"):
        former.save(tmp_path / "former")


@torch.no_grad()
@pytest.mark.parametrize("holds", ["everything", "no identity attention", "redrawn"])
def test_a_training_starts_silent_after_loading(tmp_path: Path, holds: str) -> None:
    """Whatever the file holds or an initialiser drew, the start changes nothing, and what was remembered stays."""
    former = make_former()
    if holds == "redrawn":
        former.apply(lambda part: nn.init.normal_(part.weight, std=0.02) if isinstance(part, nn.Linear) else None)
    former.save(tmp_path / "former")
    path = tmp_path / "former" / "model.safetensors"
    if holds == "no identity attention":
        kept = {name: one for name, one in load_file(path).items() if not name.startswith(("identity", "gate"))}
        save_file(kept, path)
        with pytest.raises(CheckpointError, match="5 missing"):
            FilmIdFormer.load(tmp_path / "former")
    loaded = FilmIdFormer.load(tmp_path / "former", starts_silent=True)
    references, patches = [normal(2, 64, 32)], normal(3, 64, 32)
    memory = loaded.remember(references)
    assert torch.equal(memory, former.remember(references))
    assert torch.equal(loaded(patches, memory, torch.ones(3, 1, dtype=torch.bool)), patches)
    assert float(loaded.gate) == 1


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        FilmIdFormer.load(tmp_path)
    make_former().save(tmp_path / "former")
    path = tmp_path / "former" / "model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "more": torch.ones(1), "query": torch.ones(2, 32)}, path)
    with pytest.raises(CheckpointError, match=r"1 surplus \(more\); 1 misshapen \(query is \[2, 32\]"):
        FilmIdFormer.load(tmp_path / "former")
    save_file({**tensors, "gate": torch.tensor(float("nan"))}, path)
    with pytest.raises(CheckpointError, match="gate holds numbers that are not finite"):
        FilmIdFormer.load(tmp_path / "former")


@pytest.fixture(scope="module")
def loaded(model: MovieModel) -> LoadedModel:
    return LoadedModel.of(model, tiny_processor(), name="tiny")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, loaded: LoadedModel) -> Workspace:
    workspace = make_workspace(
        tmp_path_factory.mktemp("film"),
        shots=make_shots(0, 4, 9, 14),
        subtitles=make_subtitles((1.2, 2.8, "Anna> Take the key.")),
        num_frames=14,
    )
    return add_features(workspace, loaded, FeaturesConfig(frames_per_shard=5, batch_size=5))


def test_people_are_where_the_cast_places_them(film: Workspace, loaded: LoadedModel) -> None:
    cast = make_cast(film, {"Anna": [0, 2], "?": [2]})
    people = FilmIdentities(make_former(), loaded, film, cast)
    whole = people.conditioning(None)
    assert whole is not None and whole is people.conditioning(None)
    assert whole.memory.shape == (2, 3, 32)
    wanted = [[True, False]] * 4 + [[False, False]] * 5 + [[True, True]] * 5
    assert whole.present.tolist() == wanted
    early = people.conditioning(9.0)
    assert early is not None
    assert early.present.tolist() == [row[:1] if frame < 4 else [False] for frame, row in enumerate(wanted)]
    assert FilmIdentities(make_former(), loaded, film, make_cast(film, {"Anna": [2]})).conditioning(5.0) is None
    few = FilmIdentities(make_former(), loaded, film, cast, FilmIdentitiesConfig(most_identities=1)).conditioning(None)
    assert few is not None and len(few.memory) == 1 and torch.equal(few.memory, whole.memory[:1])


def test_references_are_clear_and_of_several_tracklets(film: Workspace) -> None:
    cast = make_cast(film, {"Anna": [0, 2]})
    cast.table.qualities[:] = np.linspace(0.2, 0.9, len(cast.table))
    anna = cast.identities[0]
    assert [one.frame for one in choose_references(cast, anna, 99, 3)] == [13, 3, 12]
    assert [one.frame for one in choose_references(cast, anna, 3.0, 3)] == [2, 1, 0]
    assert not place_identities(cast, [anna], film, 9.0)[9:].any()


def test_crops_are_squares_around_faces() -> None:
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[10:30, 0:10] = 255
    cut = crop(picture, Box(left=0.0, top=0.25, right=0.125, bottom=0.75))
    assert cut.size == (30, 30)
    assert np.asarray(cut)[15, 12:20].all() and not np.asarray(cut)[15, :9].any()


@pytest.mark.parametrize("guidance", ["question", "film"])
def test_a_session_reads_with_people_in_mind(film: Workspace, loaded: LoadedModel, guidance: str) -> None:
    config = SessionConfig(guidance=guidance, decoding=Decoding(max_new_tokens=4))  # type: ignore[arg-type]
    cast = make_cast(film, {"Anna": [0, 2], "?": [2]})
    plain = FilmSession(film, loaded, config)
    people = FilmIdentities(make_former(), loaded, film, cast)
    one = FilmSession(film, loaded, config, conditioner=people)
    for until in (None, 9.0, None):
        prompt = one.prompt("Who?", until=until)
        known = people.conditioning(until)
        assert known is not None
        chosen = torch.tensor(prompt.budget.frames)
        media = Media(
            guidance_ids=loaded.processor.guidance_ids(prompt.guidance),
            features=one.features.read(prompt.budget.frames),
            conditioning=known.rows(chosen),
        )
        with torch.inference_mode():
            wanted = loaded.model(input_ids=torch.from_numpy(prompt.input_ids)[None], media=[[media]], logits_to_keep=1)
        torch.testing.assert_close(one.next_logits("Who?", until=until), wanted.logits[0, -1], rtol=0, atol=1e-3)
        assert not torch.allclose(
            one.next_logits("Who?", until=until), plain.next_logits("Who?", until=until), atol=1e-3
        )
    silent = FilmIdentities(make_former(is_trained=False), loaded, film, cast)
    assert torch.equal(
        FilmSession(film, loaded, config, conditioner=silent).next_logits("Who?"), plain.next_logits("Who?")
    )
    nobody = FilmIdentities(make_former(), loaded, film, make_cast(film, {}))
    assert torch.equal(
        FilmSession(film, loaded, config, conditioner=nobody).next_logits("Who?"), plain.next_logits("Who?")
    )


def test_another_models_former_is_refused(film: Workspace, loaded: LoadedModel) -> None:
    with pytest.raises(ConfigError, match="reads patches 64 wide, and tiny has 32"):
        FilmIdentities(FilmIdFormer(film_id_former(64)), loaded, film, make_cast(film, {}))
    with pytest.raises(ConfigError, match="at least 1"):
        FilmIdentitiesConfig(most_references=0)
