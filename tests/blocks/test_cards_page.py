from tests.blocks.cards_page import PAGE, page


def test_the_page_of_cards_shows_the_cards_of_the_code() -> None:
    assert PAGE.read_text() == page(), "write it again: python -m tests.blocks.cards_page"
