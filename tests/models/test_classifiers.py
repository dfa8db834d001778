from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: script/setup --neural")

from models.classifiers import BATCH, OnnxClassifier, open_classifier
from models.engine import EngineError, EngineUnavailable, Label
from models.picture import decode
from tests.models import tiny_onnx

Picture = npt.NDArray[np.uint8]

COLOURS = "red\ngreen\nblue\n"


def plain(red: int, green: int, blue: int, width: int = 64, height: int = 48) -> Picture:
    return np.full((height, width, 3), (blue, green, red), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "labels.txt").write_text(COLOURS)
    return tmp_path


def means(model: OnnxClassifier, picture: Picture) -> list[float]:
    """The mean of each colour as the model gets it: what it gives, before it is made probabilities."""
    (output,) = model._run([model.prepare(picture)[0]])
    return [float(value) for value in output]


def best(model: OnnxClassifier, *pictures: Picture) -> list[str]:
    return [labels[0].name for labels in model.classify(pictures)]


def test_logits_get_imagenets_mean_and_deviation(folder: Path) -> None:
    model = OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", ["N", 3, 32, 32]))
    assert (model.name, model.labels, model.batch) == ("tiny", ["red", "green", "blue"], BATCH)
    got = means(model, plain(255, 0, 128))
    assert got == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, (128 / 255 - 0.406) / 0.225], abs=1e-4)
    (labels,) = model.classify([plain(255, 0, 128)])
    assert [label.name for label in labels] == ["red", "blue", "green"]
    assert sum(label.score for label in labels) == pytest.approx(1, abs=0.03)
    assert labels[0].score == pytest.approx(np.exp(got[0]) / np.exp(got).sum(), abs=1e-4)
    assert labels[0].box is None


def test_probabilities_get_minus_one_to_one_and_stay_what_they_are(folder: Path) -> None:
    model = OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", ["N", 32, 32, 3], softmax=True))
    (labels,) = model.classify([plain(255, 0, 0)])
    powers = np.exp([1.0, -1.0, -1.0])
    assert [label.score for label in labels] == pytest.approx(list(powers / powers.sum()), abs=1e-4)


def test_bytes_and_half_precision(folder: Path) -> None:
    model = OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", [1, 32, 32, 3], kind=tiny_onnx.UINT8))
    assert means(model, plain(200, 100, 50)) == [200, 100, 50]
    model = OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", ["N", 3, 32, 32], kind=tiny_onnx.FLOAT16))
    assert best(model, plain(0, 255, 0), plain(0, 0, 255)) == ["green", "blue"]


@pytest.mark.parametrize("batch", [1, 3, "N"])
def test_batches_of_any_size(folder: Path, batch: int | str) -> None:
    model = OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", [batch, 3, 16, 16]))
    colours = {"red": plain(255, 0, 0), "green": plain(0, 255, 0, 30, 90), "blue": plain(0, 0, 255)}
    names = [["red", "green", "blue"][number % 3] for number in range(10)]
    assert best(model, *(colours[name] for name in names)) == names
    assert model.classify([]) == []


def test_the_sidecar_says_what_is_another_custom(folder: Path) -> None:
    path = tiny_onnx.write(folder / "tiny.onnx", ["N", 3, "height", "width"])
    with pytest.raises(EngineError, match=r"any size; write one into its \.toml: size = \[224, 224\]"):
        OnnxClassifier(path)
    (folder / "names.txt").write_text("b\ng\nr")
    (folder / "tiny.toml").write_text(
        'size = [20, 10]\ncolours = "bgr"\nfit = "letterbox"\nlabels = "names.txt"\n'
        "mean = [0, 0, 0]\ndeviation = [2, 2, 2]"
    )
    model = OnnxClassifier(path)
    assert model.labels == ["b", "g", "r"]
    (values, size) = model.prepare(plain(200, 100, 50, 40, 40))
    assert (values.shape, size) == ((3, 10, 20), (40, 40))
    assert values[:, 0, 0].tolist() == [25, 50, 100]
    assert values[:, 9, 9].tolist() == [25, 50, 100]
    assert values[:, 0, 10].tolist() == [57, 57, 57]  # gray, beside the picture


def test_what_is_seen_of_a_picture(folder: Path) -> None:
    """The middle is seen; a stretch sees all of it."""
    path = tiny_onnx.write(folder / "tiny.onnx", [1, 3, 32, 32])
    picture = plain(255, 0, 0, 300, 100)
    picture[:, 100:200] = (0, 255, 0)
    assert means(OnnxClassifier(path), picture)[1] == pytest.approx((1 - 0.456) / 0.224, abs=1e-4)
    (folder / "tiny.toml").write_text('fit = "stretch"\nmean = [0, 0, 0]\ndeviation = [255, 255, 255]')
    assert means(OnnxClassifier(path), picture) == pytest.approx([200 / 300, 100 / 300, 0], abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2), (1000, 700)])
@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
def test_pictures_of_any_size(folder: Path, size: tuple[int, int], fit: str) -> None:
    (folder / "tiny.toml").write_text(f'fit = "{fit}"')
    model = OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", [1, 3, 32, 32]))
    assert best(model, plain(0, 0, 255, *size)) == ["blue"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("mean = [1, 2]", "'mean' takes three numbers, not"),
        ("deviation = [1, 0, 1]", "'deviation' takes three numbers that are not 0"),
        ('colours = "grb"', "'colours' takes one of rgb, bgr, not 'grb'"),
        ("fit = 5", "'fit' takes one of crop, letterbox, stretch"),
        ("size = [0, 5]", "'size' takes"),
        ("size = [5, 5]", "'size' in its .toml says otherwise"),
        ("labels = 5", "'labels' takes the name of a file"),
        ("labels = '../names.txt'", "'labels' takes the name of a file beside it"),
        ("labels = '/etc/hostname'", "'labels' takes the name of a file beside it"),
        ('labels = "no.txt"', "no.txt cannot be read"),
        ("colors = 1", "there is no 'colors'; it takes colours, deviation, fit, labels, mean, size"),
        ("= 5", "tiny.toml"),
    ],
)
def test_a_sidecar_that_makes_no_sense_is_named(folder: Path, said: str, told: str) -> None:
    (folder / "tiny.toml").write_text(said)
    with pytest.raises(EngineError) as error:
        OnnxClassifier(tiny_onnx.write(folder / "tiny.onnx", ["N", 3, 32, 32]))
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("shape", "options", "told"),
    [
        (["N", 4, 32, 32], {}, "a picture is 1 x 3 x height x width"),
        (["N", 3, 32], {}, "a picture is 1 x 3 x height x width"),
        (["N", 3, 32, 32], {"kind": tiny_onnx.INT64}, "tensor(int64)"),
        (["N", 3, 32, 32], {"flat": False}, "tiny.onnx gives 1 x 3 x 32 x 32 numbers; known are"),
    ],
)
def test_a_model_that_is_none_of_these_is_named(
    folder: Path, shape: list[int | str], options: dict[str, int], told: str
) -> None:
    flat = bool(options.get("flat", len(shape) == 4))
    path = tiny_onnx.write(folder / "tiny.onnx", shape, kind=options.get("kind", tiny_onnx.FLOAT), flat=flat)
    with pytest.raises(EngineError) as error:
        OnnxClassifier(path)
    assert told in str(error.value)


def test_files_that_are_no_models_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EngineError, match=r"there is no .*none\.onnx"):
        open_classifier(str(folder / "none.onnx"))
    (folder / "bad.onnx").write_bytes(b"hello")
    with pytest.raises(EngineError, match=r"bad\.onnx is no ONNX model that onnxruntime takes"):
        open_classifier(str(folder / "bad.onnx"))
    (folder / "bad.onnx").unlink()
    with pytest.raises(EngineError, match=r"holds 0 \.onnx files"):
        open_classifier(str(folder))
    tiny_onnx.write(folder / "tiny.onnx", ["N", 3, 32, 32])
    assert open_classifier(str(folder)).labels == ["red", "green", "blue"]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineUnavailable, match=r"pip install 'wyoming-hearth\[onnx\]'"):
        open_classifier(str(folder))


def test_labels(folder: Path) -> None:
    path = tiny_onnx.write(folder / "tiny.onnx", ["N", 3, 32, 32])
    labels = folder / "labels.txt"

    def read() -> list[str]:
        return OnnxClassifier(path).labels

    labels.write_text("a\nn/a\nb\nn/a\nc\n\n")
    assert read() == ["a", "b", "c"]
    labels.write_text("a\nb\n")
    assert read() == ["background", "a", "b"]
    labels.write_text("a\n")
    with pytest.raises(EngineError, match=r"tells 3 kinds apart, but .*labels\.txt has 1 labels"):
        read()
    labels.write_bytes(b"\xff\xfe")
    with pytest.raises(EngineError, match="cannot be read"):
        read()
    labels.write_text("x\n" * 3_000_000)
    with pytest.raises(EngineError, match="too long"):
        read()
    labels.rename(folder / "my_labels_here.txt")
    (folder / "my_labels_here.txt").write_text(COLOURS)
    assert read() == ["red", "green", "blue"]
    (folder / "my_labels_here.txt").unlink()
    with pytest.raises(EngineError, match=r"not their names: put labels\.txt beside it"):
        read()
    (folder / "given").write_text("x\ny\nz")
    assert OnnxClassifier(path, folder / "given").labels == ["x", "y", "z"]


# ---- real models and photos


def photo(shared: Path, name: str, enough: int) -> Picture:
    return decode((shared / "media" / "photos" / f"{name}.jpg").read_bytes(), enough=enough)


def test_what_fills_real_photos(shared: Path) -> None:
    model = OnnxClassifier(shared / "models" / "imagenet" / "mobilenetv2_224.onnx", threads=1)
    assert len(model.labels) == 1000
    names = ("hot_dog", "cat_720p", "cat_1080p", "parrot")
    found = dict(zip(names, model.classify([photo(shared, name, model.enough) for name in names]), strict=True))
    assert (found["hot_dog"][0].index, found["hot_dog"][0].name.split(",")[0]) == (934, "hotdog")
    assert found["hot_dog"][0].score > 0.9
    for name in ("cat_720p", "cat_1080p"):
        assert sum(label.score for label in found[name] if "cat" in label.name.split()) > 0.9
    assert found["parrot"][0].name == "macaw"


def surest(labels: list[Label], name: str) -> Label:
    return next(label for label in labels if label.name == name)


def test_where_things_are_in_real_photos(shared: Path) -> None:
    model = OnnxClassifier(shared / "models" / "detector" / "yolox_nano_coco_416.onnx")
    assert len(model.labels) == 80
    # What a person would draw: left, top, right, bottom.
    drawn = {
        ("cat_720p", "cat"): (0.08, 0.14, 0.75, 1.0),
        ("pets", "dog"): (0.21, 0.08, 0.5, 0.7),
        ("face", "person"): (0.43, 0.02, 1.0, 1.0),
        ("owl", "bird"): (0.3, 0.03, 0.66, 0.96),
        ("hot_dog", "hot dog"): (0.24, 0.21, 0.92, 0.61),
    }
    for (name, kind), corners in drawn.items():
        (labels,) = model.classify([photo(shared, name, model.enough)])
        assert [label.score for label in labels] == sorted((label.score for label in labels), reverse=True)
        label = surest(labels, kind)
        assert label.score > 0.7
        box = label.box
        assert box is not None
        assert (box.x, box.y, box.x + box.width, box.y + box.height) == pytest.approx(corners, abs=0.05)
    (labels,) = model.classify([photo(shared, "pets", model.enough)])
    assert sum(label.name == "dog" for label in labels) == 2  # one box each


def test_colours_and_place_matter_to_real_models(shared: Path, tmp_path: Path) -> None:
    """The customs are right: another order of colours or another range finds less."""
    for name in ("mobilenetv2_224.onnx", "labels.txt"):
        shutil.copy(shared / "models" / "imagenet" / name, tmp_path)
    right = OnnxClassifier(tmp_path / "mobilenetv2_224.onnx")
    (tmp_path / "mobilenetv2_224.toml").write_text('colours = "bgr"\nmean = [0, 0, 0]\ndeviation = [1, 1, 1]')
    wrong = OnnxClassifier(tmp_path / "mobilenetv2_224.onnx")
    pictures = [photo(shared, name, right.enough) for name in ("hot_dog", "cat_720p")]
    for one, other in zip(right.classify(pictures), wrong.classify(pictures), strict=True):
        assert one[0].name != other[0].name
