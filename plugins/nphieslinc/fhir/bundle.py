"""A message bundle as a whole: its entries, and what its references point at."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from nphieslinc.faults import BrokenRule
from nphieslinc.fhir.node import Node
from nphieslinc.fhir.parsing import Tree


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of the message, and the URL that names it."""

    url: str
    type: str
    id: str
    path: str
    resource: Tree


class Message:
    """A parsed bundle with an index of its resources; reading notes faults in `faults`."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.faults: list[BrokenRule] = []
        self.entries = tuple(_entries(tree))
        self._by_url = {entry.url: entry for entry in reversed(self.entries) if entry.url}
        endings = Counter(_ending(entry.type, entry.id) for entry in self.entries if entry.id)
        self._by_ending = {
            _ending(entry.type, entry.id): entry
            for entry in self.entries
            if entry.id and endings[_ending(entry.type, entry.id)] == 1
        }

    @property
    def bundle(self) -> Node:
        """Return a cursor on the bundle itself."""
        return Node(self.tree, "Bundle", "Bundle", self.faults)

    def node(self, entry: Entry) -> Node:
        """Return a cursor on an entry's resource."""
        return Node(entry.resource, entry.path, entry.type, self.faults)

    def of_type(self, type_: str) -> Iterator[Node]:
        """Return every resource of a type."""
        return (self.node(entry) for entry in self.entries if entry.type == type_)

    def resolve(self, reference: Node | None, owner: Node | None = None) -> Node | None:
        """Find what a Reference points at: by full URL, by `Type/id`, by a URL's end, or contained in `owner`."""
        target = reference.text("reference") if reference is not None and "reference" in reference.value else None
        if target is None:
            return None
        if target.startswith("#"):
            return _contained(owner, target[1:]) if owner is not None else None
        entry = self._by_url.get(target) or self._by_ending.get(_tail(target))
        return self.node(entry) if entry is not None else None


def _entries(tree: Tree) -> Iterator[Entry]:
    listed = tree.get("entry")
    for place, entry in enumerate(listed if isinstance(listed, list) else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            url, type_, id_ = entry.get("fullUrl"), resource.get("resourceType"), resource.get("id")
            path = f"Bundle.entry[{place}].resource"
            yield Entry(_word(url), _word(type_), _word(id_), path, resource)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _ending(type_: str, id_: str) -> str:
    return f"{type_.lower()}/{id_}"  # samples write Claimresponse/419060 for a ClaimResponse


def _tail(reference: str) -> str:
    parts = reference.partition("/_history/")[0].rsplit("/", 2)
    return _ending(parts[-2], parts[-1]) if len(parts) > 1 else ""


def _contained(owner: Node, id_: str) -> Node | None:
    found = next((node for node in owner.children("contained") if node.value.get("id") == id_), None)
    return (
        None if found is None else Node(found.value, found.path, _word(found.value.get("resourceType")), found.faults)
    )
