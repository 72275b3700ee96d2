"""Photos reach the page in a real browser in every way it offers, and answers come back."""

from __future__ import annotations

import base64
import csv
import io
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from skimage import data

from effq_core.results import REFERENCE
from tests.browser.app import App, pick, settle, visit
from tests.results.run_variations import SHIPPED

UPLOADER = ".st-key-predictions_upload"
BARS = "[class*='st-key-predictions_bars_']"


def saved(folder: Path, name: str, array, size: tuple[int, int] | None = None) -> Path:
    image = Image.fromarray(array)
    path = folder / name
    (image.resize(size) if size else image).save(path, "JPEG")
    return path


@pytest.fixture
def coffee(tmp_path: Path) -> Path:
    return saved(tmp_path, "coffee.jpg", data.coffee())


@pytest.fixture
def predictions(page: Page, tiny_app: App) -> Page:
    """The page with the reference run: all five variants at the model's real size."""
    visit(page, tiny_app, "overview")
    visit(page, tiny_app, "predictions", f"run={REFERENCE}")
    return page


def choose(page: Page, *files: Path) -> None:
    page.locator(f"{UPLOADER} input[type=file]").set_input_files(files)


def test_an_uploaded_photo_is_answered_by_every_variant(predictions: Page, coffee: Path) -> None:
    choose(predictions, coffee)

    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))
    for name in SHIPPED:
        bars = predictions.locator(f".st-key-predictions_bars_{name}")
        expect(bars.locator(".annotation-text")).to_have_count(10)  # five names, five numbers
    expect(predictions.get_by_text("The model sees 224 × 224 px")).to_be_visible()
    marks = predictions.get_by_text("same as float32").or_(
        predictions.get_by_text("differs from float32")
    )
    expect(marks).to_have_count(len(SHIPPED) - 1)


def test_a_broken_photo_among_others_is_named_and_costs_nobody_an_answer(
    predictions: Page, coffee: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "half **of** it.jpg"
    broken.write_bytes(coffee.read_bytes()[:700])
    cat = saved(tmp_path, "cat.jpg", data.chelsea())
    choose(predictions, coffee, broken, cat)

    warning = predictions.get_by_text("half **of** it.jpg is broken")
    expect(warning).to_be_visible()
    expect(predictions.locator(".st-key-predictions_table")).to_be_visible()
    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))
    expect(predictions.get_by_text("Traceback")).to_have_count(0)


def test_a_file_that_is_no_photo_by_its_name_is_turned_away(
    predictions: Page, tmp_path: Path
) -> None:
    program = tmp_path / "program.exe"
    program.write_bytes(b"MZ")
    choose(predictions, program)

    expect(predictions.locator(UPLOADER).get_by_text("not allowed")).to_be_visible()
    expect(predictions.locator(BARS)).to_have_count(0)


def test_a_file_over_the_bound_is_turned_away_and_the_bound_is_said(
    predictions: Page, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(21 * 2**20))
    expect(predictions.locator(UPLOADER).get_by_text("20MB per file")).to_be_visible()
    choose(predictions, large)

    expect(predictions.locator(UPLOADER).get_by_text("20.0MB or smaller")).to_be_visible()


def test_a_sample_is_one_click(predictions: Page) -> None:
    predictions.get_by_text("cat", exact=True).click()

    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))
    expect(predictions.get_by_text("none of the 10 classes")).to_be_visible()


def test_a_pasted_picture_is_an_upload_like_any_other(predictions: Page, coffee: Path) -> None:
    predictions.evaluate(
        """content => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const clipboard = new DataTransfer();
            clipboard.items.add(new File([bytes], "image.png", { type: "image/png" }));
            const event = new ClipboardEvent("paste", {
                clipboardData: clipboard, bubbles: true, cancelable: true,
            });
            document.body.dispatchEvent(event);
        }""",
        base64.b64encode(_png(coffee)).decode(),
    )

    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))
    heading = predictions.get_by_role("heading", name="pasted-")
    expect(heading).to_be_visible()
    expect(predictions.get_by_text("The photo: 600 × 400 px")).to_be_visible()


def _png(path: Path) -> bytes:
    buffer = io.BytesIO()
    Image.open(path).save(buffer, "PNG")
    return buffer.getvalue()


def test_pasted_text_still_reaches_the_field_it_was_pasted_into(predictions: Page) -> None:
    told = predictions.evaluate(
        """() => {
            const clipboard = new DataTransfer();
            clipboard.setData("text/plain", "hello");
            return document.body.dispatchEvent(new ClipboardEvent("paste", {
                clipboardData: clipboard, bubbles: true, cancelable: true,
            }));
        }"""
    )

    assert told is True, "a text is nobody's photo: the event was swallowed"


def test_the_camera_takes_a_photo_once_it_is_wanted(predictions: Page) -> None:
    expect(predictions.locator("video")).to_have_count(0)
    predictions.get_by_text("Use the camera").click()
    # A camera needs a moment before its first picture.
    predictions.wait_for_function("() => document.querySelector('video')?.videoWidth > 0")
    predictions.get_by_role("button", name="Take Photo").click()

    expect(predictions.get_by_role("heading", name="camera.jpg")).to_be_visible()
    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))


def test_many_photos_make_a_table_that_can_be_taken_away(predictions: Page, tmp_path: Path) -> None:
    photos = [
        saved(tmp_path, f"photo {n:02}.jpg", data.coffee()[n * 12 :, n * 18 :]) for n in range(20)
    ]
    choose(predictions, *photos)
    expect(predictions.locator(".st-key-predictions_table")).to_be_visible(timeout=30_000)
    expect(predictions.get_by_role("cell", name="of 20:").first).to_be_visible()
    settle(predictions)

    with predictions.expect_download() as download:
        predictions.get_by_role("button", name="Download answers (CSV)").click()

    text = Path(download.value.path()).read_text("utf-8")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["photo"] for row in table] == [path.name for path in photos]
    agreeing = sum(row["int8_agrees"] == "yes" for row in table)
    row = predictions.get_by_role("row", name=re.compile(r"^int8 \d"))
    expect(row).to_contain_text(f"{agreeing} of 20:")


def test_a_photo_of_the_table_is_looked_at_closely(
    predictions: Page, coffee: Path, tmp_path: Path
) -> None:
    choose(predictions, coffee, saved(tmp_path, "cat.jpg", data.chelsea()))
    expect(predictions.locator(".st-key-predictions_table")).to_be_visible()
    chooser = predictions.get_by_role("combobox", name="Look closer at")
    pick(predictions, chooser, "2. cat.jpg", key="ArrowDown")  # the keyboard reaches it

    expect(predictions.get_by_role("heading", name="cat.jpg")).to_be_visible()
    expect(predictions.get_by_text("451 × 300 px")).to_be_visible()
    settle(predictions)

    rows = predictions.locator(".st-key-predictions_table .dvn-scroller")
    rows.click(position={"x": 17, "y": 60})  # the first row's box

    expect(predictions.get_by_role("heading", name="coffee.jpg")).to_be_visible()
    expect(chooser).to_have_value("1. coffee.jpg")


def test_photos_survive_a_visit_to_another_page(predictions: Page, coffee: Path) -> None:
    choose(predictions, coffee)
    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))
    predictions.get_by_role("link", name="Library").click()
    expect(predictions.locator(UPLOADER)).to_have_count(0)
    predictions.get_by_role("link", name="Predictions").click()

    expect(predictions.get_by_role("heading", name="coffee.jpg")).to_be_visible()
    expect(predictions.get_by_text("1 photo from your last visit")).to_be_visible()


def test_another_browser_sees_nothing_of_it(
    predictions: Page, coffee: Path, open_page, tiny_app: App
) -> None:
    choose(predictions, coffee)
    expect(predictions.locator(BARS)).to_have_count(len(SHIPPED))
    other = open_page()
    visit(other, tiny_app, "predictions", f"run={REFERENCE}")

    expect(other.get_by_text("Add a photo")).to_be_visible()
    expect(other.get_by_text("coffee.jpg")).to_have_count(0)


def test_a_foreign_page_cannot_upload_in_a_visitors_name(tiny_app: App) -> None:
    """Without the token only the dashboard's own page has, nothing is taken."""
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{tiny_app.url}/_stcore/upload_file/session/file", data=b"photo", method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
    assert refused.value.code == 403


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_it_all_without_scrolling_sideways(
    open_page, tiny_app: App, coffee: Path, theme: str
) -> None:
    page = open_page(width=390, height=844, theme=theme)
    visit(page, tiny_app, "overview")
    visit(page, tiny_app, "predictions", f"run={REFERENCE}")
    choose(page, coffee)
    expect(page.locator(BARS)).to_have_count(len(SHIPPED))
    settle(page)

    main = page.locator("[data-testid='stMain']")
    assert main.evaluate("element => element.scrollWidth <= element.clientWidth")
    for bars in page.locator(BARS).all():
        box = bars.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390
