"""docs/companion.md says what the code says."""

from companion.documents import PATH, document, routes
from companion.errors import CATALOGUE


def test_the_document_has_not_drifted() -> None:
    assert PATH.read_text() == document(), "run: make docs"


def test_it_names_every_route_and_every_problem() -> None:
    text = document()
    assert all(f"`{method} {route.path}`" in text for method, route in routes())
    assert all(f"| `{code}` |" in text for code in CATALOGUE)
    assert all(route.description for _, route in routes())
