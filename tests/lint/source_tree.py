"""The project's files as lints see them, and C++ text with comments and literals blanked out."""

import pathlib
import re

CODE_FOLDERS = ("domain", "config", "storage", "transport", "systemd", "daemon", "broker", "client")
CPP_SUFFIXES = (".h", ".cc")
TEXT_SUFFIXES = CPP_SUFFIXES + (
    ".md", ".py", ".sh", ".txt", ".cmake", ".json", ".toml", ".service", ".socket", ".conf", ".js", "")
NOT_OURS = {".git", "build", ".cache", "node_modules", "__pycache__"}


class SourceTree:
    """All files below `root` that belong to the project."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self._text = {}

    def files(self, suffixes=TEXT_SUFFIXES, below=("",)):
        """Paths relative to the root, sorted, of files with one of `suffixes` in one of the folders."""
        found = []
        for folder in below:
            found += [path for path in self._walk(self.root / folder) if path.suffix in suffixes]
        return sorted(path.relative_to(self.root) for path in found)

    def cpp(self, below=CODE_FOLDERS + ("tests",)):
        return self.files(CPP_SUFFIXES, below)

    def text(self, path):
        if path not in self._text:
            self._text[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._text[path]

    def _walk(self, folder):
        if not folder.is_dir():
            return
        for path in folder.iterdir():
            if path.is_symlink() or path.name in NOT_OURS:
                continue
            if path.is_dir():
                yield from self._walk(path)
            else:
                yield path


class Finding:
    def __init__(self, path, line, message):
        self.path, self.line, self.message = path, line, message

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Za-z_])(?:u8|[uUL])?'(?:\\.|[^'\\\n])*'", re.DOTALL)


def without_comments_and_literals(text):
    """`text` of the same length and lines, with comments and the insides of literals as blanks."""

    def blank(match):
        token = match.group(0)
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return '"' + re.sub(r"[^\n]", " ", token[1:-1]) + '"'

    return _TOKEN.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def is_allowed(text, line, rule):
    """True when `line` (from 1), or the comment above it, gives a reason to break `rule`."""
    lines = text.splitlines()
    marker = re.compile(r"(//|#) lint: allow\(" + re.escape(rule) + r"\):? \S")
    return any(marker.search(lines[i]) for i in (line - 1, line - 2) if 0 <= i < len(lines))
