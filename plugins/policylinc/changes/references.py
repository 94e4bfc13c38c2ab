"""Organizations that documents name by number or licence."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from authlinc.contract import FindOrganization, OrganizationInfo, OrganizationKind
from masterlinc.context import Context
from masterlinc.errors import FieldError
from policylinc.changes.documents import Document, NetworkDocument, PayerDocument, PriceListDocument
from policylinc.checks import fault

_NONE = OrganizationInfo(found=False)


class References(NamedTuple):
    """What the references of some documents stand for."""

    found: Mapping[str, OrganizationInfo]

    def organization(self, reference: str | None) -> UUID | None:
        """Return the organization of a reference; None where nothing is named, or nobody is meant."""
        return None if reference is None else self.found.get(reference, _NONE).organization_id

    def faults(self, document: Document) -> Iterator[FieldError]:
        """Find references that lead to nobody, or to somebody else than a provider or payer."""
        for path, reference, kind in _named(document):
            if self.found.get(reference, _NONE).kind is not kind:
                yield fault(
                    path,
                    "unknown",
                    f"No {kind.value} has this number or licence",
                    "لا يوجد مقدم خدمة أو جهة دافعة بهذا الرقم أو الترخيص",
                )


async def resolve(ctx: Context, documents: Sequence[Document]) -> References:
    """Look up every organization that the documents name, once."""
    names = sorted({reference for document in documents for _, reference, _ in _named(document)})
    return References({name: await ctx.call(FindOrganization(name), OrganizationInfo) for name in names})


def _named(document: Document) -> Iterable[tuple[str, str, OrganizationKind]]:
    match document:
        case NetworkDocument():
            for index, one in enumerate(document.providers):
                if one.provider is not None:
                    yield f"providers[{index}].provider", one.provider, OrganizationKind.PROVIDER
        case PriceListDocument(provider=str() as provider):
            yield "provider", provider, OrganizationKind.PROVIDER
        case PayerDocument(administrator=str() as administrator):
            yield "administrator", administrator, OrganizationKind.PAYER
