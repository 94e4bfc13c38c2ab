"""The tables of this agent, as Piccolo queries them; the migrations say what they are.

Piccolo knows no key of several columns: of each, one column stands for it, and every query names the organization.
Amounts are read as Decimal: the services make Money of them.
"""

from piccolo.columns import JSONB, UUID, Array, Boolean, Bytea, Date, Integer, Numeric, Text, Timestamptz
from piccolo.table import Table

from masterlinc.db import ENGINE

_MONEY = (14, 2)
_PERCENT = (5, 2)
_QUANTITY = (14, 4)


class Product(Table, schema="policylinc", db=ENGINE):
    """A product of a payer."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    code = Text(default=None)
    name = Text(default=None)
    name_ar = Text(default=None)
    policy_type = Text(default=None)
    created_at = Timestamptz(default=None)


class ProductClass(Table, schema="policylinc", db=ENGINE):
    """A class of a product; what it grants stands in ClassTerms, and these amounts are read no more."""

    organization_id = UUID(default=None)
    product_id = UUID(primary_key=True, default=None)
    policy_class = Text(default=None)
    annual_limit = Numeric(_MONEY, null=True, default=None)
    deductible = Numeric(_MONEY, null=True, default=None)
    network = Text(null=True, default=None)


class ClassTerms(Table, schema="policylinc", db=ENGINE):
    """A version of what a class grants a policy that begins while it holds."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    product_id = UUID(default=None)
    policy_class = Text(default=None)
    version = Integer(default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    withdrawn_on = Date(null=True, default=None)
    proposal_id = UUID(null=True, default=None)
    annual_limit = Numeric(_MONEY, default=None)
    deductible = Numeric(_MONEY, default=None)
    network = Text(default=None)


class Benefit(Table, schema="policylinc", db=ENGINE):
    """A version of a benefit of a class."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    product_id = UUID(default=None)
    policy_class = Text(default=None)
    benefit = Text(default=None)
    rule_id = Text(default=None)
    version = Integer(default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    covered = Boolean(default=None)
    copay_percent = Numeric(_PERCENT, default=None)
    copay_cap = Numeric(_MONEY, null=True, default=None)
    year_limit = Numeric(_MONEY, null=True, default=None)
    authorization_required = Boolean(default=None)
    authorization_above = Numeric(_MONEY, null=True, default=None)
    withdrawn_on = Date(null=True, default=None)
    proposal_id = UUID(null=True, default=None)
    parent = Text(null=True, default=None)
    codes = Array(Text(), default=None)
    copay_cap_per = Text(default=None)
    waiting_days = Integer(default=None)


class BenefitLimit(Table, schema="policylinc", db=ENGINE):
    """A limit of a version of a benefit, besides its yearly amount."""

    organization_id = UUID(default=None)
    benefit_id = UUID(primary_key=True, default=None)
    kind = Text(default=None)
    per = Text(default=None)
    value = Numeric(_MONEY, default=None)


class BenefitCopay(Table, schema="policylinc", db=ENGINE):
    """The co-pay of a version of a benefit at some providers."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    benefit_id = UUID(default=None)
    in_network = Boolean(null=True, default=None)
    provider_class = Text(null=True, default=None)
    copay_percent = Numeric(_PERCENT, default=None)
    copay_cap = Numeric(_MONEY, null=True, default=None)
    copay_cap_per = Text(default=None)


class ServiceRule(Table, schema="policylinc", db=ENGINE):
    """A version of a payer's rule on some services."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    rule = Text(default=None)
    product_id = UUID(null=True, default=None)
    policy_class = Text(null=True, default=None)
    version = Integer(default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    withdrawn_on = Date(null=True, default=None)
    proposal_id = UUID(null=True, default=None)
    kind = Text(default=None)
    text = Text(default=None)
    text_ar = Text(default=None)
    codes = Array(Text(), default=None)
    diagnoses = Array(Text(), default=None)
    benefits = Array(Text(), default=None)
    above = Numeric(_MONEY, null=True, default=None)
    in_emergencies = Boolean(default=None)
    days = Integer(null=True, default=None)
    times = Integer(null=True, default=None)
    min_age = Integer(null=True, default=None)
    max_age = Integer(null=True, default=None)
    sex = Text(null=True, default=None)
    includes = Array(Text(), default=None)


class PayerTerms(Table, schema="policylinc", db=ENGINE):
    """A version of how a payer deals with claims and authorizations."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    version = Integer(default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    withdrawn_on = Date(null=True, default=None)
    proposal_id = UUID(null=True, default=None)
    administrator_organization_id = UUID(null=True, default=None)
    follow_up_days = Integer(default=None)
    filing_days = Integer(null=True, default=None)
    vat_percent = Numeric(_PERCENT, null=True, default=None)
    answer_minutes = Integer(default=None)
    when_late = Text(default=None)
    valid_days = Integer(default=None)
    emergency_notice_hours = Integer(default=None)


class Network(Table, schema="policylinc", db=ENGINE):
    """A network of providers."""

    organization_id = UUID(default=None)
    code = Text(primary_key=True, default=None)
    name = Text(default=None)
    name_ar = Text(default=None)


class NetworkProvider(Table, schema="policylinc", db=ENGINE):
    """A provider in a network, or every one that is not listed, for some time."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    network = Text(default=None)
    provider_organization_id = UUID(null=True, default=None)
    provider_class = Text(null=True, default=None)
    version = Integer(default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    withdrawn_on = Date(null=True, default=None)
    proposal_id = UUID(null=True, default=None)


class Proposal(Table, schema="policylinc", db=ENGINE):
    """A change of dated terms that somebody proposed, and what became of it."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    kind = Text(default=None)
    subject = Text(default=None)
    effective_from = Date(default=None)
    content = JSONB(default=None)
    difference = JSONB(default=None)
    base = Text(default=None)
    reason = Text(default=None)
    status = Text(default=None)
    proposed_by = UUID(default=None)
    proposed_at = Timestamptz(default=None)
    decided_by = UUID(null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)
    decision_note = Text(null=True, default=None)


class Policy(Table, schema="policylinc", db=ENGINE):
    """A policy."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    product_id = UUID(default=None)
    policy_number = Text(default=None)
    policy_class = Text(default=None)
    holder = Text(default=None)
    network = Text(default=None)
    status = Text(default=None)
    effective_date = Date(default=None)
    expiry_date = Date(default=None)
    annual_limit = Numeric(_MONEY, default=None)
    deductible = Numeric(_MONEY, default=None)
    created_at = Timestamptz(default=None)


class Member(Table, schema="policylinc", db=ENGINE):
    """A member of a policy."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    policy_id = UUID(default=None)
    person_id = UUID(default=None)
    member_number = Text(default=None)
    name = Text(default=None)
    birth_date = Date(null=True, default=None)
    gender = Text(null=True, default=None)
    effective_from = Date(default=None)
    effective_to = Date(default=None)
    enrolled_by_simulator = Boolean(default=None)
    created_at = Timestamptz(default=None)
    relationship = Text(null=True, default=None)
    sponsor_id = UUID(null=True, default=None)


class MemberChange(Table, schema="policylinc", db=ENGINE):
    """What is known of a member from a day on."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    member_id = UUID(default=None)
    effective_from = Date(default=None)
    name = Text(default=None)
    birth_date = Date(null=True, default=None)
    gender = Text(null=True, default=None)
    relationship = Text(null=True, default=None)
    sponsor_id = UUID(null=True, default=None)
    created_at = Timestamptz(default=None)


class MemberIdentifier(Table, schema="policylinc", db=ENGINE):
    """An identifier that a member is found by."""

    organization_id = UUID(default=None)
    member_id = UUID(primary_key=True, default=None)
    system = Text(default=None)
    sealed = Bytea(default=None)
    blind = Bytea(default=None)
    valid = Boolean(default=None)


class Contract(Table, schema="policylinc", db=ENGINE):
    """What a payer pays a provider, or every provider without a contract of its own."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    code = Text(default=None)
    provider_organization_id = UUID(null=True, default=None)
    percent_of_billed = Numeric(_PERCENT, default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    created_at = Timestamptz(default=None)


class Price(Table, schema="policylinc", db=ENGINE):
    """An agreed price of a contract."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    contract_id = UUID(default=None)
    system = Text(default=None)
    code = Text(default=None)
    amount = Numeric(_MONEY, default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    withdrawn_on = Date(null=True, default=None)
    proposal_id = UUID(null=True, default=None)


class Posting(Table, schema="policylinc", db=ENGINE):
    """That a decision's use was posted, or taken back."""

    organization_id = UUID(default=None)
    decision_id = UUID(primary_key=True, default=None)
    kind = Text(default=None)
    member_id = UUID(default=None)
    policy_year = Date(default=None)
    entries = Integer(default=None)
    posted_at = Timestamptz(default=None)


class BenefitEntry(Table, schema="policylinc", db=ENGINE):
    """An entry of the ledger."""

    organization_id = UUID(default=None)
    id = UUID(primary_key=True, default=None)
    decision_id = UUID(default=None)
    kind = Text(default=None)
    member_id = UUID(default=None)
    policy_year = Date(default=None)
    benefit = Text(default=None)
    amount = Numeric(_MONEY, default=None)
    deductible = Numeric(_MONEY, default=None)
    units = Numeric(_QUANTITY, default=None)
    days = Numeric(_QUANTITY, default=None)


class Balance(Table, schema="policylinc", db=ENGINE):
    """The sum of a member's entries of a benefit in a policy year."""

    organization_id = UUID(default=None)
    member_id = UUID(primary_key=True, default=None)
    policy_year = Date(default=None)
    benefit = Text(default=None)
    used = Numeric(_MONEY, default=None)
    deductible_used = Numeric(_MONEY, default=None)
    units_used = Numeric(_QUANTITY, default=None)
    days_used = Numeric(_QUANTITY, default=None)


TABLES = (
    Product,
    ProductClass,
    ClassTerms,
    Benefit,
    BenefitLimit,
    BenefitCopay,
    ServiceRule,
    PayerTerms,
    Network,
    NetworkProvider,
    Proposal,
    Policy,
    Member,
    MemberChange,
    MemberIdentifier,
    Contract,
    Price,
    Posting,
    BenefitEntry,
    Balance,
)
