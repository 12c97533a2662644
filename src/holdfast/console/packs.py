"""Modules as browsers get them: joined into two files per screen, what all screens need and what is the screen's own,
so that a page is two requests away from its first row and not sixty. The modules stay as they are, each a file.

Refuses a module whose imports or exports are written otherwise than all of ours are: what cannot be joined rightly is
not joined at all.
"""

import posixpath
import re
from collections.abc import Mapping

START = "frame/start.js"
COMMON = ("core/", "frame/", "ui/")
"""Folders whose modules every screen needs."""
SCREENS = "screens/"
FOLDER = "pack"
BRING = "core/bring.js"
"""The module that loads others by their names; in a pack it looks among those that are there first."""

_IMPORT = re.compile(
    r"""^import (?:\{(?P<names>[^}]*)\} from )?["'](?P<path>\.{1,2}/[^"']+)["'];[^\S\n]*(?://.*)?$""", re.MULTILINE
)
_EXPORT_LIST = re.compile(r"^export \{(?P<names>[^}]*)\};$", re.MULTILINE)
_EXPORT = re.compile(
    r"^(?P<before>(?:/\*\*[^\n]*\*/ )?)export (?=(?:async )?(?:function|class|const) (?P<name>\w+))", re.MULTILINE
)
_UNREAD = re.compile(r"^(?:/\*\*[^\n]*\*/ )?(?:import|export)\b.*", re.MULTILINE)
_OPENS = re.compile(r"^export (?:async )?function open\(", re.MULTILINE)
_FUNCTION = r"^(?:/\*\*[^\n]*\*/ )?export (?:(?:async )?function {0}\b|const {0} = (?:async )?\()"
_BROUGHT = re.compile(r'\bbring\("(?P<name>[^"]+)"\)')
_REMARK = re.compile(r"^[^\S\n]*(?:/\*\*(?:[^*]|\*(?!/))*\*/[^\S\n]*|//[^\n]*)\n", re.MULTILINE)
_CAST = re.compile(r"/\*\* @(?:type|param)[^*\n]*\*/ ?")

_REGISTRY = """const known = new Map();
export const $open = (name) => known.get(name)();
export function $define(name, make) {
  if (known.has(name)) return;
  let made = null;
  known.set(name, () => (made ??= make()));
}
const bring = async (name) => {
  if (!known.has(name)) await import(new URL(`./${name.replace("/", "-")}`, import.meta.url).href);
  return $open(name);
};
"""


def pack_name(module: str) -> str:
    """The file in which a screen's module comes with its own; `START` is in the one that all screens need."""
    return f"{FOLDER}/{'start.js' if module == START else module.replace('/', '-')}"


def packs_of(modules: Mapping[str, str]) -> dict[str, str]:
    """All packs: name → text, from the console's modules, name → text.

    Raises:
        ValueError: a module is written in a way that is not understood.
    """
    if START not in modules:
        return {}
    graph = _Graph(modules)
    common = [name for name in modules if name.startswith(COMMON)]
    packs = {pack_name(START): _REGISTRY + _joined(graph, common) + f'$open("{START}");\n'}
    for entry in _entries(modules):
        own = [name for name in sorted(graph.needed(entry)) if name not in common]
        packs[pack_name(entry)] = f'import {{ $define, $open }} from "./start.js";\n{_joined(graph, own)}'
    return packs


class _Graph:
    """Modules, and which need which."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self.modules = modules
        self._imports = {
            name: {_resolved(name, found["path"]) for found in _IMPORT.finditer(text)} for name, text in modules.items()
        }
        self._needed: dict[str, frozenset[str]] = {}

    def needed(self, name: str) -> frozenset[str]:
        """A module and all that it imports, and they in turn.

        Raises:
            ValueError: one of them is not there.
        """
        if name not in self._needed:
            found, waiting = {name}, [name]
            while waiting:
                module = waiting.pop()
                for other in self._imports[module] - found:
                    if other not in self.modules:
                        raise ValueError(f"{module} imports {other}, which is not there")
                    found.add(other)
                    waiting.append(other)
            self._needed[name] = frozenset(found)
        return self._needed[name]


def _entries(modules: Mapping[str, str]) -> list[str]:
    """What is loaded by its name: screens, which export `open`, and what other modules bring."""
    brought = {found["name"] for text in modules.values() for found in _BROUGHT.finditer(text)}
    opened = {name for name, text in modules.items() if _OPENS.search(text)}
    return sorted(name for name in brought | opened if name.startswith(SCREENS) and name in modules)


def _resolved(module: str, path: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(module), path))


def _joined(graph: _Graph, names: list[str]) -> str:
    return "".join(_defined(name, graph) for name in names)


def _defined(name: str, graph: _Graph) -> str:
    """A module as a function that makes it when it is first asked for."""
    if name == BRING:
        return f'$define("{name}", () => ({{ bring }}));\n'
    text, exported = graph.modules[name], list[str]()

    def declared(found: re.Match[str]) -> str:
        exported.append(found["name"])
        return found["before"]

    def listed(found: re.Match[str]) -> str:
        exported.extend(_names(found["names"]))
        return ""

    text = _EXPORT_LIST.sub(listed, _EXPORT.sub(declared, text))
    text = _IMPORT.sub(lambda found: _imported(name, found, graph), text)
    if unread := _UNREAD.search(text):
        raise ValueError(f"{name}: {unread[0]!r} cannot be joined")
    body = _CAST.sub("", _REMARK.sub("", text))
    return f'$define("{name}", () => {{\n{body}return {{ {", ".join(exported)} }};\n}});\n'


def _imported(name: str, found: re.Match[str], graph: _Graph) -> str:
    """An import as the lines that take its names. Modules that import each other take functions that ask when they are
    called: at the start one of the two is not there yet."""
    other = _resolved(name, found["path"])
    if found["names"] is None:
        return f'$open("{other}");'
    pairs = [each.split(" as ") for each in _names(found["names"])]
    if name not in graph.needed(other):
        return f'const {{ {", ".join(": ".join(pair) for pair in pairs)} }} = $open("{other}");'
    lines = []
    for there, here in ((pair[0], pair[-1]) for pair in pairs):
        if not re.search(_FUNCTION.format(there), graph.modules[other], re.MULTILINE):
            raise ValueError(f"{name} and {other} import each other, and {there} is no function")
        lines.append(f'const {here} = (...given) => $open("{other}").{there}(...given);')
    return " ".join(lines)


def _names(listed: str) -> list[str]:
    return [each for part in listed.split(",") if (each := " ".join(part.split()))]
