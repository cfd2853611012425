"""The people step: real people, a stadium, an empty room, and cast folders that cannot work."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from movieqa import api
from movieqa.errors import ConfigError, WorkspaceError
from movieqa.eval.identity import NamedScore, idf1, named_score
from movieqa.identity import Cast
from movieqa.memory.cast import add_references, name_person
from movieqa.memory.classical import ClassicalProvider
from movieqa.memory.clustering import TrackRows, cluster_film
from movieqa.memory.onnx_faces import OnnxProvider
from movieqa.memory.people import PeopleConfig, find_people, look
from movieqa.memory.provider import Detections
from movieqa.memory.references import check_faces, find_pictures, read_cast
from movieqa.memory.tracklets import link_shot
from movieqa.people_files import APPEARANCES, PEOPLE, load_cast, load_facts
from movieqa.workspace import Workspace
from tests.people_workspaces import make_other_provider, make_people_workspace, make_provider, write_photo
from tests.workspaces import make_workspace

NOBODY = -1


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> OnnxProvider:
    return make_provider(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def signs(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = api.preprocess_movie(assets / "signs.mp4", output=tmp_path_factory.mktemp("signs") / "signs.movieqa")
    return find_people(workspace, ClassicalProvider(), cast=read_cast(assets / "cast", ClassicalProvider()))


def truth_of(assets: Path, times: np.ndarray) -> np.ndarray:
    """Return who is on screen at each time, as the place of their letter."""
    shots = json.loads((assets / "signs.truth.json").read_text())["shots"]
    starts = [shot["start"] for shot in shots]
    return np.array(["ABCDE".index(shots[np.searchsorted(starts, time, "right") - 1]["person"]) for time in times])


def seen_at(cast: Cast, times: np.ndarray) -> list[list[int]]:
    return [[one.id for one in cast.on_screen(float(time))] for time in times]


def test_five_real_people_are_five_identities(signs: Workspace, assets: Path) -> None:
    cast = load_cast(signs)
    assert len(cast.identities) == 5
    seen = seen_at(cast, signs.frames.times)
    assert all(len(here) <= 1 for here in seen)
    predicted = np.array([here[0] if here else NOBODY for here in seen])
    assert idf1(truth_of(assets, signs.frames.times), predicted) >= 0.95
    every_tenth = np.arange(0.05, signs.duration, 0.1)  # between the sampled frames as well
    everywhere = np.array([here[0] if here else NOBODY for here in seen_at(cast, every_tenth)])
    assert idf1(truth_of(assets, every_tenth), everywhere) >= 0.95


def test_with_pictures_every_shot_bears_the_right_name(signs: Workspace, assets: Path) -> None:
    cast = load_cast(signs)
    truth = json.loads((assets / "signs.truth.json").read_text())["shots"]
    for shot in truth:
        (here,) = {one.name for one in cast.on_screen((shot["start"] + shot["end"]) / 2)}
        assert here == f"person-{shot['person']}"
        span = next(one for one in cast.find(here).spans if one.start <= shot["start"] < one.end)
        assert (span.start, span.end) == pytest.approx((shot["start"], shot["end"]), abs=0.001)
    assert [one.name_source for one in cast.identities] == ["photo"] * 5
    assert cast.unseen == ()
    named = np.array(["ABCDE".index(str(cast.named(f"person-{letter}").name)[-1]) for letter in "ABCDE"])  # type: ignore[union-attr]
    score = named_score(np.arange(5), named, np.arange(5))
    assert score == NamedScore(precision=1.0, recall=1.0)


@pytest.mark.parametrize(
    ("variant", "phase"),
    [("mirrored and cropped", 12), ("darker and smaller", 7)],
)
def test_the_five_stay_five_when_the_film_is_changed(assets: Path, variant: str, phase: int) -> None:
    """Hold out: other frames of the film, mirrored, darker, cropped or smaller, that no threshold was chosen on."""
    import av
    import cv2

    def change(picture: np.ndarray) -> np.ndarray:
        if variant == "mirrored and cropped":
            return np.ascontiguousarray(picture[20:460, 560:90:-1])
        return cv2.resize(cv2.convertScaleAbs(picture, alpha=0.65), (480, 360), interpolation=cv2.INTER_AREA)

    provider = ClassicalProvider()
    shots: dict[int, list] = {}
    truth = json.loads((assets / "signs.truth.json").read_text())["shots"]
    with av.open(str(assets / "signs.mp4")) as film:
        for index, frame in enumerate(film.decode(video=0)):
            if index % 25 == phase:
                shot = next(place for place, one in enumerate(truth) if index < one["end_frame"])
                picture = change(frame.to_ndarray(format="rgb24"))
                shots.setdefault(shot, []).append(look(picture, provider, index, index / 25, 64))
    tracks = [(shot, track) for shot, faces in sorted(shots.items()) for track in link_shot(faces, provider.scale)]
    starts = np.array([track.frames[0] / 25 for _, track in tracks])
    rows = TrackRows(
        vectors=np.stack([track.vector for _, track in tracks]),
        qualities=np.array([track.quality for _, track in tracks], np.float32),
        starts=starts,
        ends=starts + 0.5,
        together=np.zeros((0, 2), np.int64),
    )
    labels = cluster_film(rows, provider.scale, provider.scale.threshold)
    people = np.array(["ABCDE".index(truth[shot]["person"]) for shot, _ in tracks])
    weights = [len(track.frames) for _, track in tracks]
    assert len(np.unique(labels[labels >= 0])) == 5
    assert idf1(np.repeat(people, weights), np.repeat(labels, weights)) >= 0.95


def test_the_workspace_says_who_looked_and_on_what_terms(signs: Workspace) -> None:
    facts = load_facts((signs.path / PEOPLE).read_bytes())
    assert facts.provider.name == "classical"
    assert "no weights" in facts.provider.licence
    assert facts.provider.fingerprint.startswith("sha256:")
    assert not signs.steps["people"].notes
    signs.verify()
    assert not [path for path in signs.path.rglob("*") if path.suffix in {".pkl", ".pickle", ".npz"}]


def test_a_film_without_people(tmp_path: Path, provider: OnnxProvider) -> None:
    write_photo(tmp_path / "cast" / "Julia.png", "red")
    workspace = find_people(
        make_people_workspace(tmp_path, [{}, {}]), provider, cast=read_cast(tmp_path / "cast", provider)
    )
    cast = load_cast(workspace)
    assert cast.identities == ()
    assert cast.unseen == ("Julia",)
    assert cast.notes == ("no faces were found",)
    terms = "recognised by onnx; licence: made by a test"
    assert workspace.steps["people"].notes == ("no faces were found", terms), "the manifest names the weights' licence"
    with pytest.raises(ConfigError, match="nobody was found"):
        cast.find("1")


class _Stadium:
    """A detector that sees ten thousand faces in every frame; the embeddings are the real provider's."""

    def __init__(self, provider: OnnxProvider) -> None:
        self._provider = provider
        self.facts = provider.facts
        self.scale = provider.scale
        self.num_embedded = 0

    def detect(self, picture: np.ndarray) -> Detections:
        places = np.random.default_rng(0).permutation(10_000)
        left, top = (places % 100) * 6.0, (places // 100) * 4.5
        size = 3.0 + places / 10_000
        boxes = np.stack([left, top, left + size, top + size], axis=1).astype(np.float32)
        points = np.repeat((boxes[:, :2] + 1)[:, None], 5, axis=1)
        points += np.array([[0, 0], [1, 0], [0.5, 0.5], [0, 1], [1, 1]], np.float32)
        return Detections(boxes=boxes, scores=np.ones(10_000, np.float32), landmarks=points)

    def embed(self, picture: np.ndarray, faces: Detections) -> object:
        self.num_embedded = max(self.num_embedded, len(faces))
        return self._provider.embed(picture, faces)


def test_ten_thousand_faces_in_a_frame_are_told_and_bounded(tmp_path: Path, provider: OnnxProvider) -> None:
    stadium = _Stadium(provider)
    workspace = find_people(make_people_workspace(tmp_path, [{}]), stadium)  # type: ignore[arg-type]
    cast = load_cast(workspace)
    assert stadium.num_embedded == 64
    assert len(cast.table) == 3 * 64
    assert cast.notes == ("3 frames show more than 64 faces (the first at 00:00:00.000): the largest were kept",)
    with pytest.raises(ConfigError, match="max_faces must be 1 to 1000"):
        PeopleConfig(max_faces=0)


def test_a_memory_never_mixes_providers(tmp_path: Path, provider: OnnxProvider) -> None:
    write_photo(tmp_path / "cast" / "Julia.png", "red")
    workspace = find_people(make_people_workspace(tmp_path, [{"red": 3}]), provider)
    other = make_other_provider(tmp_path / "other")
    with pytest.raises(WorkspaceError, match=r"found by another provider \(onnx\); use the same provider"):
        add_references(workspace, read_cast(tmp_path / "cast", other), other)
    assert load_cast(workspace).identities[0].name is None


def test_people_of_an_earlier_scan_are_stale(tmp_path: Path, provider: OnnxProvider) -> None:
    workspace = find_people(make_people_workspace(tmp_path, [{"red": 3}]), provider)
    steps = dict(workspace.manifest.steps)
    scan = steps["scan"]
    changed = {**scan.files, "proxy.mp4": replace(scan.files["proxy.mp4"], digest="sha256:other")}
    stale = Workspace(
        workspace.path, replace(workspace.manifest, steps={**steps, "scan": replace(scan, files=changed)})
    )
    with pytest.raises(WorkspaceError, match="found in an earlier scan"):
        load_cast(stale)


def test_a_lying_table_is_refused(tmp_path: Path, provider: OnnxProvider) -> None:
    from movieqa.manifest import FileEntry

    workspace = find_people(make_people_workspace(tmp_path, [{"red": 3}]), provider)
    path = workspace.path / APPEARANCES
    data = path.read_bytes()
    for wrong in (data.replace(b"(3,)", b"(9,)"), data[:-4], data.replace(b"<f4", b"|O8"), b"\x93NUMPY\x01\x00", b""):
        path.write_bytes(wrong)
        steps = dict(workspace.manifest.steps)
        files = {**steps["people"].files, APPEARANCES: FileEntry.of(path)}
        steps["people"] = replace(steps["people"], files=files)
        with pytest.raises(WorkspaceError, match=r"appearances\.npy: damaged"):
            load_cast(Workspace(workspace.path, replace(workspace.manifest, steps=steps)))


def test_nobody_looked_yet(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    with pytest.raises(WorkspaceError, match="nobody looked for people yet"):
        load_cast(workspace)
    with pytest.raises(WorkspaceError, match="nobody looked for people yet"):
        name_person(workspace, "1", "Julia")


def test_a_cast_folder_is_read_by_name(tmp_path: Path, provider: OnnxProvider) -> None:
    write_photo(tmp_path / "Julia Ross.jpg", "red")
    write_photo(tmp_path / "Otto" / "one.png", "blue")
    write_photo(tmp_path / "Otto" / "two.webp", "blue")
    (tmp_path / "notes.txt").write_text("not a picture, and not named like one")
    pictures = find_pictures(tmp_path)
    assert {name: len(paths) for name, paths in pictures.items()} == {"Julia Ross": 1, "Otto": 2}
    assert [len(kept) for kept in check_faces(pictures, provider).kept.values()] == [1, 2]


def test_pictures_without_a_face_are_left_out_and_told(tmp_path: Path, provider: OnnxProvider) -> None:
    write_photo(tmp_path / "cast" / "Julia" / "1.png", "red")
    for number in range(2, 7):
        write_photo(tmp_path / "cast" / "Julia" / f"{number}.png")
    pictures = read_cast(tmp_path / "cast", provider)
    assert [path.name for path in pictures.faceless] == [f"{number}.png" for number in range(2, 7)]
    (note,) = pictures.notes
    assert note.startswith("left out, as no face was found in ") and note.endswith("4.png and 2 more")
    workspace = find_people(make_people_workspace(tmp_path, [{"red": 3}]), provider, cast=pictures)
    assert load_cast(workspace).identities[0].name == "Julia"


def _no_face(folder: Path) -> None:
    for name in ("a", "b", "c", "d", "e"):
        write_photo(folder / f"Miss {name}.png")
    write_photo(folder / "Julia.png", "red")  # has one, which is of no help to the others


def _two_faces(folder: Path) -> None:
    write_photo(folder / "Julia.png", "red", "green")


def _no_picture(folder: Path) -> None:
    (folder / "Julia.jpg").write_text("this is text")


def _broken_picture(folder: Path) -> None:
    photo = write_photo(folder / "Julia.png", "red")
    photo.write_bytes(photo.read_bytes()[:200])


def _bomb(folder: Path) -> None:
    from PIL import Image

    Image.new("1", (16_000, 16_000)).save(folder / "Julia.png")


def _twice(folder: Path) -> None:
    write_photo(folder / "Julia.png", "red")
    write_photo(folder / "julia" / "one.png", "red")


def _empty_name(folder: Path) -> None:
    (folder / "Julia").mkdir()


def _a_number(folder: Path) -> None:
    write_photo(folder / "7.png", "red")


def _nothing(folder: Path) -> None:
    (folder / "readme.txt").write_text("nobody here")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_no_face, r"no face found in .*Miss a\.png, .*Miss c\.png and 2 more; use upright pictures"),
        (_two_faces, r"Julia\.png: 2 faces; crop it to the one you mean"),
        (_no_picture, r"Julia\.jpg: not a picture \(unknown format\); give JPEG"),
        (_broken_picture, r"Julia\.png: not a picture"),
        (_bomb, r"Julia\.png: not a picture \(its pixels are too many\)"),
        (_twice, r"[Jj]ulia stands twice in .*; put all pictures in one folder"),
        (_empty_name, r"no pictures of Julia"),
        (_a_number, r"not a name: '7'"),
        (_nothing, r"no pictures; name them after the people"),
    ],
)
def test_a_cast_folder_that_cannot_work_is_one_clear_line(
    tmp_path: Path, provider: OnnxProvider, make: object, message: str
) -> None:
    folder = tmp_path / "cast"
    folder.mkdir()
    make(folder)  # type: ignore[operator]
    workspace = make_workspace(tmp_path)
    with pytest.raises(ConfigError, match=message) as caught:
        find_people(workspace, provider, cast=read_cast(folder, provider))
    assert "\n" not in str(caught.value)
    assert not (workspace.path / "people").exists(), "nothing is half done"


def test_no_cast_folder(tmp_path: Path, provider: OnnxProvider) -> None:
    with pytest.raises(ConfigError, match="no such folder"):
        read_cast(tmp_path / "gone", provider)
