"""Label selectors: from the object form of a workload to the text that the API's queries take."""

from __future__ import annotations

from kdebug.domain.kinds import Manifest
from kdebug.domain.state import mapping, mappings


def selector_text(selector: Manifest) -> str:
    """Return `a=b,c in (d,e),!f` for a LabelSelector (matchLabels and matchExpressions); empty for an empty one."""
    parts = [f"{key}={value}" for key, value in sorted(mapping(selector.get("matchLabels")).items())]
    for expression in mappings(selector.get("matchExpressions")):
        key, operator = expression.get("key"), expression.get("operator")
        values = ",".join(str(value) for value in expression.get("values") or ())
        forms = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": f"{key}",
            "DoesNotExist": f"!{key}",
        }
        parts.append(forms[str(operator)])
    return ",".join(parts)
