"""What an OperationOutcome may tell us: whether it is an error, and its codes, never its text.

``diagnostics`` and ``details`` often repeat the search that failed, identifiers and all.
"""

import re
from typing import Any

_ISSUE_CODES = frozenset(
    "invalid structure required value invariant security login unknown expired forbidden suppressed processing"  # noqa: SIM905 - thirty quoted lines say no more
    " not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly"
    " business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational"
    " success limited-filter".split()
)
"""http://hl7.org/fhir/issue-type, R4 and R5 together: a closed set, so that nothing else can slip out."""

_HARMLESS = frozenset({"warning", "information", "success"})
_HAPI = re.compile(r"HAPI-\d{4}\b")


def codes_of(outcome: object) -> tuple[str, ...]:
    """Give the issue codes, and HAPI's own numbers, of what may be an OperationOutcome."""
    codes: dict[str, None] = {}
    for issue in _issues(outcome):
        code = issue.get("code")
        if isinstance(code, str) and code in _ISSUE_CODES:
            codes[code] = None
        diagnostics = issue.get("diagnostics")
        if isinstance(diagnostics, str):
            codes.update(dict.fromkeys(_HAPI.findall(diagnostics[:10_000])))
    return tuple(codes)


def is_error(outcome: object) -> bool:
    """Tell whether any issue is more than a warning; a severity that nobody knows counts as an error."""
    return any(issue.get("severity") not in _HARMLESS for issue in _issues(outcome))


def _issues(outcome: object) -> list[dict[str, Any]]:
    if not isinstance(outcome, dict) or outcome.get("resourceType") != "OperationOutcome":
        return []
    issues = outcome.get("issue")
    return [issue for issue in issues if isinstance(issue, dict)] if isinstance(issues, list) else []
