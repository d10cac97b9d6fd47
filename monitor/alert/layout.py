"""Layout: the small markup of the alert texts becomes plain text and HTML (pure).

A text is `title: …`, then paragraphs, `# heading` and `- item` lines. A heading with nothing below it disappears with
its section, so that a template need not ask twice whether a fact is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

_STYLE = {
    "body": "font:16px/1.5 system-ui,sans-serif;color:#1c1c1c;max-width:44em;margin:0 auto;padding:1em",
    "h1": "font-size:1.25em;margin:0 0 .8em",
    "h2": "font-size:1em;margin:1.4em 0 .3em",
    "ul": "margin:0;padding-left:1.2em",
}


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (empty for the opening words), its paragraphs and its items, in the order of the template."""

    heading: str
    lines: tuple[tuple[bool, str], ...]
    """(is an item, text)."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A text in its parts."""

    title: str
    sections: tuple[Section, ...]


def read(markup: str) -> Sheet:
    """Take a rendered template apart; the first line must be its title."""
    first, _, rest = markup.strip().partition("\n")
    if not first.startswith("title: "):
        raise ValueError('an alert text begins with "title: "')
    sections: list[tuple[str, list[tuple[bool, str]]]] = [("", [])]
    for line in (raw.strip() for raw in rest.splitlines()):
        if line.startswith("# "):
            sections.append((line[2:], []))
        elif line:
            sections[-1][1].append((line.startswith("- "), line.removeprefix("- ")))
    return Sheet(first.removeprefix("title: "), tuple(Section(h, tuple(lines)) for h, lines in sections if lines))


def as_text(sheet: Sheet, link: str | None) -> str:
    """The text for a mail's plain part, a chat or a log: without the title, which travels as the subject."""
    blocks: list[str] = []
    for section in sheet.sections:
        head = [section.heading.upper()] if section.heading else []
        blocks.append("\n".join([*head, *(f"- {text}" if is_item else text for is_item, text in section.lines)]))
    if link:
        blocks.append(link)
    return "\n\n".join(blocks) + "\n"


def as_html(sheet: Sheet, link: str | None) -> str:
    """A whole small document: every text escaped, no images, and one link only, to our own page."""
    parts = [f'<h1 style="{_STYLE["h1"]}">{escape(sheet.title)}</h1>']
    for section in sheet.sections:
        if section.heading:
            parts.append(f'<h2 style="{_STYLE["h2"]}">{escape(section.heading)}</h2>')
        items = "".join(f"<li>{escape(text)}</li>" for is_item, text in section.lines if is_item)
        parts.extend(f"<p>{escape(text)}</p>" for is_item, text in section.lines if not is_item)
        if items:
            parts.append(f'<ul style="{_STYLE["ul"]}">{items}</ul>')
    if link:
        parts.append(f'<p><a href="{escape(link)}">{escape(link)}</a></p>')
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(sheet.title)}</title></head>'
    return f'{head}<body style="{_STYLE["body"]}">{"".join(parts)}</body></html>'
