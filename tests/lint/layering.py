"""Who may include whom, and where third-party headers may appear (ARCHITECTURE: "The house")."""

import re

from source_tree import CODE_FOLDERS, Finding, is_allowed

# A folder sees itself and these. A more exact path opens only that part.
MAY_INCLUDE = {
    "domain": (),
    "config": ("domain",),
    "storage": ("domain",),
    "transport": ("domain",),
    "systemd": ("domain",),
    "daemon": ("domain", "config", "storage", "transport", "systemd"),
    "broker": ("domain", "config", "storage/database", "transport", "systemd"),
    "client": ("domain", "transport"),
}

# The only places that may use a library, by the beginning of its headers.
LIBRARIES = {
    "rocksdb/": ("storage", "broker/embedded"),
    "zmq": ("transport/link",),
    "msgpack": ("transport/msgpack", "storage", "client"),
    "asio": ("transport/ipc",),
    "curl/": ("daemon/payments",),
    "toml++": ("config",),
    "systemd/sd-": ("systemd",),
    "prometheus/": ("daemon", "broker"),
    "gtest/": (),
    "gmock/": (),
}

# What storage/ and the broker's engine are both built on; it shows RocksDB, and that is its purpose.
SHOWS_LIBRARIES = ("storage/database",)

# The composition roots: nobody else in daemon/ names an adapter.
ADAPTERS = ("storage/",)
MAY_NAME_ADAPTERS = re.compile(r"daemon/(composition|main)[a-z_]*\.(h|cc)$")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)


def includes(text):
    """(line, path, is_quoted) of each include."""
    for match in _INCLUDE.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, match.group(2), match.group(1) == '"'


def _within(path, folders):
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def _project_include(path, included):
    folder = path.parts[0]
    top = included.split("/")[0]
    if top not in CODE_FOLDERS:
        return f'"{included}" is no path from the project\'s root; write it in full'
    if top != folder and not _within(included, MAY_INCLUDE[folder]):
        return f"{folder}/ may not include {included}; it sees {', '.join(MAY_INCLUDE[folder]) or 'nobody'}"
    if folder == "daemon" and included.startswith(ADAPTERS) and not MAY_NAME_ADAPTERS.match(str(path)):
        return f"only the composition root names adapters; use the port instead of {included}"
    return None


def _library_include(tree, path, included):
    for library, places in LIBRARIES.items():
        if not included.startswith(library):
            continue
        if not _within(str(path), places):
            return f"<{included}> belongs into {', '.join(places) or 'tests'} only"
        if path.suffix == ".h" and not _within(str(path), SHOWS_LIBRARIES):
            strangers = _included_from_elsewhere(tree, path)
            if strangers:
                return f"<{included}> in a header that {strangers[0]} includes; move it to the .cc"
    return None


def _included_from_elsewhere(tree, header):
    return [other for other in tree.cpp(CODE_FOLDERS) if other.parts[0] != header.parts[0]
            and any(path == str(header) for _, path, _ in includes(tree.text(other)))]


def check(tree):
    for path in tree.cpp(CODE_FOLDERS):
        text = tree.text(path)
        for line, included, quoted in includes(text):
            problem = (_project_include(path, included) if quoted
                       else _library_include(tree, path, included))
            if problem and not is_allowed(text, line, "layering"):
                yield Finding(path, line, problem)
