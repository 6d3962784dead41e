"""A Report in short: what a line of its history needs, read without building the whole."""

from __future__ import annotations

import msgspec


class EffectDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One variant against control, in short."""

    variant: str
    verdict: str
    effect: float | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None
    rel_effect: float | None = None
    rel_ci_lower: float | None = None
    rel_ci_upper: float | None = None


class MetricDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One metric, in short."""

    key: str
    title: str
    role: str
    direction: str
    unit: str
    effects: tuple[EffectDigest, ...] = ()


class VerdictDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, in short."""

    variant: str
    code: str
    may_ship: bool = False


class FindingDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One check, in short."""

    severity: str
    title: str = ""


class InputsDigest(msgspec.Struct, frozen=True, kw_only=True):
    """What the numbers depend on, in short."""

    as_of: str
    definitions_hash: str = ""
    code_version: str = ""


class VariantDigest(msgspec.Struct, frozen=True, kw_only=True):
    """One arm, in short."""

    key: str
    title: str = ""
    is_control: bool = False
    n_exposed: int = 0


class ExperimentDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The experiment, in short."""

    key: str
    title: str = ""
    variants: tuple[VariantDigest, ...] = ()


class ReportDigest(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a Report that its line in the history shows; further fields are passed over."""

    experiment: ExperimentDigest
    inputs: InputsDigest
    verdicts: tuple[VerdictDigest, ...] = ()
    findings: tuple[FindingDigest, ...] = ()
    metrics: tuple[MetricDigest, ...] = ()

    @property
    def is_withheld(self) -> bool:
        """Whether a finding forbids every verdict."""
        return any(finding.severity == "block" for finding in self.findings)

    @property
    def goal(self) -> MetricDigest | None:
        """The metric that decides, where there is one."""
        return next((metric for metric in self.metrics if metric.role == "primary"), None)


def read_digest(document: bytes) -> ReportDigest:
    """Read the short form of a stored Report.

    Raises:
        msgspec.DecodeError: If it is no Report.
    """
    return msgspec.json.decode(document, type=ReportDigest)
