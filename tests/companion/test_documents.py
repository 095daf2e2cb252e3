"""docs/companion.md and docs/fhir.md say what the code says."""

from companion import fhir_document
from companion.documents import PATH, document, routes
from companion.errors import CATALOGUE


def test_the_document_has_not_drifted() -> None:
    assert PATH.read_text() == document(), "run: make docs"
    assert fhir_document.PATH.read_text() == fhir_document.document(), "run: make docs"


def test_it_names_every_route_and_every_problem() -> None:
    text = document()
    assert all(f"`{method} {route.path}`" in text for method, route in routes())
    assert all(f"| `{code}` |" in text for code in CATALOGUE)
    assert all(route.description for _, route in routes())


def test_fhir_is_described_kind_by_kind_and_parameter_by_parameter() -> None:
    text = fhir_document.document()
    for kind in fhir_document.KINDS:
        part = text.partition(f"### {kind.name}\n")[2].partition("\n##")[0]
        assert all(f"| `{one.name}` | {one.kind} |" in part for one in kind.served.search), kind.name
        assert all(f"`{code}`" in part for code in kind.served.interactions), kind.name
