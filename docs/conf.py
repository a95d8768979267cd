"""How the documentation is built: `make docs`, without a warning or not at all.

Its source is the whole project, so that a link from one page to another is the same in a checkout
and on the site: README.md, the tutorials and the benchmark results are pages in place.
"""

from typing import Any

from docutils.nodes import Element, SkipNode
from latex2mathml.converter import convert

project = "rsh"
author = "the rsh developers"
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "benchmarks/README.md",
    "robustness/README.md",
    "data/README.md",
    "docs/**",
    "notebooks/0*.ipynb",
]
extensions = [
    "myst_nb",  # Markdown, and the tutorials as pages
    "sphinx.ext.apidoc",  # one page a module
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # Args, Returns, Raises
]
default_role = "py:obj"  # `name` in a docstring is a link where there is such a name

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
highlight_language = "text"  # an indented block of a docstring is a formula or a table
html_math_renderer = "mathml"
nb_execution_mode = "off"  # `make notebooks` runs them; here they are to be read

apidoc_modules = [
    {
        "path": "../rsh",
        "destination": "docs/api",
        "separate_modules": True,
        "module_first": True,
        "max_depth": 1,
    }
]
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "ignore-module-all": True}
autodoc_preserve_defaults = True
napoleon_use_ivar = True  # attributes are described where their class is, once
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "rsh"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}

SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:", "Yields:")


def keep_layout(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Show an indented block of a docstring as it stands: a formula, a table, files."""
    text: list[str] = []
    for line in lines:
        before = text[-2] if len(text) > 1 and not text[-1] else ""
        if line.startswith("    ") and before and not before.startswith((" ", *SECTIONS)):
            text += ["::", ""]
        text.append(line)
    lines[:] = text


def skip_fields(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what a NamedTuple says of its fields: the class has described them."""
    return str(getattr(obj, "__doc__", "")).startswith("Alias for field number") or None


def write_math(display: str) -> Any:
    """Return what writes a formula as MathML, which browsers draw by themselves."""

    def visit(translator: Any, node: Element) -> None:
        translator.body.append(convert(node.astext(), display=display))
        raise SkipNode

    return visit, None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.add_html_math_renderer("mathml", write_math("inline"), write_math("block"))
    app.connect("autodoc-process-docstring", keep_layout, priority=400)  # before Napoleon's
    app.connect("autodoc-skip-member", skip_fields)


suppress_warnings = ["ref.python"]  # two classes have an attribute "set"
