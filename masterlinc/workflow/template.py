"""What a step's input takes from earlier steps: `${step.path}` and `${context.path}` in its texts.

A text that is one reference becomes the value itself, with its type; inside of a longer text the value is written as
text. `$${` writes a literal `${`. Only values are templates, never the names of fields.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from masterlinc.agent import Fail
from masterlinc.wire import encode

CONTEXT = "context"
MAX_BYTES = 1_048_576  # of what references bring into one input: doubling it step by step must end somewhere
_STEP = r"[\w-]+"
_REFERENCE = re.compile(rf"({_STEP})((?:\.[^.\[\]{{}}$\s]+|\[[0-9]{{1,6}}\])*)")
_PART = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_INDEX = re.compile(r"[0-9]{1,6}", re.ASCII)
_TOKEN = re.compile(r"\$\$\{|\$\{([^}]*)\}|\$\{")


class TemplateError(Fail):
    """A reference that leads nowhere: no later attempt finds more; `path` is the reference as it was written."""

    def __init__(self, path: str, detail: str) -> None:
        self.path = path
        super().__init__(f"${{{path}}} {detail}")


@dataclass(frozen=True)
class Reference:
    """A place in a step's output or in the context: `root` is the step's name, or `context`."""

    text: str
    root: str
    parts: tuple[str, ...]


def references(template: Any, path: str = "") -> Iterator[tuple[str, Reference]]:
    """Find every reference with the path of its text; raises TemplateError for one that cannot be read."""
    if isinstance(template, str):
        for token in _TOKEN.finditer(template):
            if token[0] != "$${":
                yield path, _read(token)
    elif isinstance(template, Mapping):
        for key, value in template.items():
            yield from references(value, f"{path}.{key}" if path else key)
    elif isinstance(template, list | tuple):
        for index, value in enumerate(template):
            yield from references(value, f"{path}[{index}]")


def render(template: Any, outputs: Mapping[str, Any], context: Any) -> Any:
    """Return the template with its references replaced; raises TemplateError."""
    return _Rendering(outputs, context).of(template)


def literal(value: Any) -> Any:
    """Return the template that renders to this value, whatever its texts look like."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: literal(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [literal(one) for one in value]
    return value


class _Rendering:
    """One input in the making, and how much of it came by references."""

    def __init__(self, outputs: Mapping[str, Any], context: Any) -> None:
        self._outputs, self._context, self._left = outputs, context, MAX_BYTES

    def of(self, template: Any) -> Any:
        if isinstance(template, str):
            return self._text(template) if "${" in template else template
        if isinstance(template, Mapping):
            return {key: self.of(value) for key, value in template.items()}
        if isinstance(template, list | tuple):
            return [self.of(value) for value in template]
        return template

    def _text(self, text: str) -> Any:
        whole = _TOKEN.fullmatch(text)
        if whole is not None and whole[0] != "$${":
            return self._value(_read(whole))
        return _TOKEN.sub(self._written, text)

    def _written(self, token: re.Match[str]) -> str:
        if token[0] == "$${":
            return "${"
        value = self._value(_read(token))
        return value if isinstance(value, str) else encode(value).decode()

    def _value(self, reference: Reference) -> Any:
        value: Any
        if reference.root == CONTEXT:
            value = self._context
        elif reference.root in self._outputs:
            value = self._outputs[reference.root]
        else:
            raise TemplateError(reference.text, "names a step that has no result")
        for part in reference.parts:
            value = _inside(value, part, reference)
        self._left -= len(encode(value))
        if self._left < 0:
            raise TemplateError(reference.text, f"brings more than {MAX_BYTES:,} bytes")
        return value


def _inside(value: Any, part: str, reference: Reference) -> Any:
    if isinstance(value, Mapping) and part in value:
        return value[part]
    if isinstance(value, list | tuple) and _INDEX.fullmatch(part) and int(part) < len(value):
        return value[int(part)]
    raise TemplateError(reference.text, f"leads nowhere: there is no {part}")


def _read(token: re.Match[str]) -> Reference:
    text = token[1]
    if text is None:
        raise TemplateError("", "is not closed with }")
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise TemplateError(text, "is no reference, as ${step.field} or ${step.list[0].field}")
    return Reference(text, match[1], tuple(name or index for name, index in _PART.findall(match[2])))
