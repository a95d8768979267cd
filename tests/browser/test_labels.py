"""What the keys 1 to 9 and the bar of the selected tiles do, in a real browser."""

from pathlib import Path

import pytest
from browser.steps import open_page, open_tab

pytestmark = pytest.mark.browser
CARD = ".rsh-results .rsh-card"


@pytest.fixture
def page(visit, own_labels):
    return open_page(visit, own_labels)


def focus(page, place):
    page.locator(CARD).nth(place).focus()


def expect_given(page, classes):
    """Wait until the first cards show these given classes, "" for none."""
    page.wait_for_function(
        """(wanted) => wanted.every((name, place) => {
          const card = document.querySelectorAll(".rsh-results .rsh-card")[place];
          const pill = card.querySelector(".rsh-given");
          return (pill ? pill.textContent : "") === name;
        })""",
        arg=classes,
    )


def test_keys_label_the_card_that_is_pointed_at_and_else_what_is_selected(page):
    for place in (0, 1):
        focus(page, place)
        page.keyboard.press("Space")
    page.locator(".rsh-tray.is-open").get_by_text("2 tiles selected").wait_for()
    page.locator(".rsh-label-keys span").nth(2).wait_for()
    first, second, third = page.locator(".rsh-label-keys span").all_text_contents()[:3]
    hint = page.get_by_text("Keys are for the tile that is pointed at.")
    assert not hint.is_visible()
    focus(page, 2)  # selected by no one
    assert hint.is_visible()
    page.keyboard.press("1")
    expect_given(page, ["", "", first])
    focus(page, 1)  # one of the selected
    assert not hint.is_visible()
    page.keyboard.press("2")
    expect_given(page, [second, second, first])
    page.locator(CARD).nth(4).hover()
    page.keyboard.press("3")
    expect_given(page, [second, second, first, "", third])
    page.keyboard.press("Control+z")
    expect_given(page, [second, second, first, "", ""])
    page.locator(".rsh-facts").get_by_text("3 labels given").wait_for()


def test_all_labels_are_saved_as_a_file(page):
    focus(page, 0)
    page.keyboard.press("1")
    open_tab(page, "labels", ".rsh-label-list li")
    with page.expect_download() as taken:
        page.get_by_title("Save all labels and sets as CSV").click()
    assert taken.value.suggested_filename == "labels.csv"
    lines = Path(taken.value.path()).read_text().splitlines()
    assert "id" in lines[0] and len(lines) >= 2
    page.get_by_text("Saved labels.csv.").wait_for()


def test_a_name_that_is_refused_stays_in_its_field(page):
    focus(page, 0)
    page.keyboard.press("Space")
    field = page.get_by_label("Give the class of this name")
    name = "n" * 61
    field.fill(name)
    field.press("Enter")
    page.locator(".rsh-alert").get_by_text("1 to 60 characters, not 61").wait_for()
    assert field.input_value() == name
    field.fill("new class")
    field.press("Enter")
    expect_given(page, ["new class"])
    page.wait_for_function("document.activeElement.value === ''")


def test_a_part_that_is_too_small_keeps_the_dialog_open(page):
    focus(page, 0)
    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Choose a part").click()
    box = dialog.get_by_role("group", name="Part of the image")
    for _ in range(30):
        box.press("Shift+ArrowLeft")
        box.press("Shift+ArrowUp")
    box.press("Enter")
    dialog.get_by_text("is too small to search with: draw one of at least 16 x 16").wait_for()
    assert dialog.is_visible()


def test_all_keys_of_a_card_are_for_the_one_below_the_pointer(page):
    focus(page, 0)
    hovered = page.locator(CARD).nth(3)
    hovered.hover()
    page.keyboard.press("1")
    page.wait_for_function(
        "document.querySelectorAll('.rsh-results .rsh-card')[3].querySelector('.rsh-given')"
    )
    page.keyboard.press("Space")
    page.locator(f"{CARD}.is-selected").wait_for()
    row, tile = hovered.get_attribute("data-row"), hovered.get_attribute("data-id")
    assert page.locator(f"{CARD}.is-selected").get_attribute("data-row") == row
    page.keyboard.press("e")
    page.get_by_role("dialog").get_by_text(tile, exact=True).wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    hovered.hover()
    page.keyboard.press("+")
    page.locator(".rsh-feedback-tile").first.wait_for()


def test_a_selected_tile_shows_its_class_and_is_selected_no_longer_by_space(page):
    for place in (0, 1):
        focus(page, place)
        page.keyboard.press("Space")
    open_tab(page, "selected", ".rsh-selected .rsh-card:nth-child(1)")
    cards = page.locator(".rsh-selected .rsh-card")
    cards.nth(1).hover()
    page.keyboard.press("1")
    page.locator(".rsh-selected .rsh-given").nth(1).wait_for()
    assert page.locator(".rsh-selected .rsh-given").count() == 2
    page.keyboard.press("Space")
    page.get_by_text("1 tile selected", exact=True).wait_for()
    page.keyboard.press("Control+z")


def test_a_blank_name_is_asked_for_where_other_faults_of_names_are_said(page):
    focus(page, 0)
    page.keyboard.press("Space")
    alert = page.locator(".rsh-alert")
    for label, value in {"Give the class of this name": "", "Name of a set": "  "}.items():
        field = page.get_by_label(label)
        field.fill(value)
        field.press("Enter")
        alert.get_by_text("type a name").wait_for()
        field.fill("n" * 61)
        field.press("Enter")
        alert.get_by_text("1 to 60 characters, not 61").wait_for()


def test_after_a_name_was_given_keys_are_for_cards_again(page):
    focus(page, 0)
    page.keyboard.press("Space")
    field = page.get_by_label("Give the class of this name")
    field.fill("pier")
    field.press("Enter")
    expect_given(page, ["pier"])
    page.wait_for_function("document.activeElement.matches('.rsh-card.is-selected')")
    hint = page.locator(".rsh-tray-keys")
    page.locator(CARD).nth(2).hover()
    assert hint.text_content() == "Keys are for the tile that is pointed at."
    page.keyboard.press("1")
    page.wait_for_function(
        "document.querySelectorAll('.rsh-results .rsh-card')[2].querySelector('.rsh-given')"
    )
    assert field.input_value() == ""
    field.focus()
    page.locator(CARD).nth(3).hover()
    assert hint.text_content() == "You are typing: press Escape, then the key."
    page.keyboard.press("Escape")
    page.wait_for_function("!document.activeElement.matches('input')")
    assert page.locator(".rsh-tray.is-open").is_visible()  # nothing else is closed


def test_after_a_tile_was_found_keys_are_for_the_results(page):
    field = page.get_by_label("Go to tile")
    field.fill(page.locator(CARD).nth(3).get_attribute("data-id"))
    field.press("Enter")
    page.wait_for_function("document.activeElement.matches('.rsh-results .rsh-card')")
    field.fill("no such tile")
    field.press("Enter")
    page.locator(".rsh-alert").get_by_text("no tile's name holds").wait_for()
    assert page.evaluate("document.activeElement.type") == "search"


def test_space_is_for_the_card_and_not_for_the_box_that_was_clicked(page):
    box = page.get_by_label("Include held-out tiles")
    box.click()
    page.wait_for_function("!document.querySelector('.rsh-cards.is-busy')")
    was = box.is_checked()
    page.locator(CARD).nth(1).hover()
    page.keyboard.press("Space")
    page.locator(f"{CARD}.is-selected").wait_for()
    assert box.is_checked() == was


def test_a_key_that_is_held_labels_once(page):
    focus(page, 0)
    page.evaluate(
        """() => {
          window.sent = 0;
          const card = document.activeElement;
          for (const repeat of [false, true, true, true])
            card.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true, repeat }));
        }"""
    )
    page.wait_for_function(
        "document.querySelectorAll('.rsh-results .rsh-card')[0].querySelector('.rsh-given')"
    )
    page.keyboard.press("Control+z")
    expect_given(page, [""])


def test_escape_takes_the_alert_first_and_the_selection_last(page):
    focus(page, 0)
    page.keyboard.press("Space")
    open_tab(page, "labels", ".rsh-label-list")
    field = page.get_by_label("Go to tile")
    field.fill("no such tile")
    field.press("Enter")
    alert = page.locator(".rsh-alert").get_by_text("no tile's name holds")
    alert.wait_for()
    focus(page, 0)
    page.keyboard.press("Escape")
    alert.wait_for(state="hidden")
    assert page.locator(".rsh-label-list").first.is_visible()
    page.keyboard.press("Escape")
    page.locator(".rsh-label-list").first.wait_for(state="hidden")
    assert page.locator(f"{CARD}.is-selected").count() == 1
    page.keyboard.press("Escape")
    page.locator(f"{CARD}.is-selected").wait_for(state="detached")
