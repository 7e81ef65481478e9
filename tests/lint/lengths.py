"""Files of at most 500 lines, functions of at most 70."""

import re

from source_tree import Finding, is_allowed, line_of, without_comments_and_literals

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70

_SCOPE = re.compile(r"^\s*(template\s*<.*>\s*)?(inline\s+)?(namespace|class|struct|union|enum|extern)\b",
                    re.DOTALL)


def functions(text):
    """(first line, last line) of each function body. A lambda counts as part of its function."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                  without_comments_and_literals(text), flags=re.MULTILINE)
    scopes = []  # of the braces that are open: start of a function, or None
    begin = 0    # of the statement that leads up to the next brace
    for at, char in enumerate(code):
        inside = any(scope is not None for scope in scopes)
        if char == "{":
            head = code[begin:at]
            is_function = not inside and "(" in head and not _SCOPE.match(head)
            scopes.append(begin + len(head) - len(head.lstrip()) if is_function else None)
            if not is_function or not inside:
                begin = at + 1
        elif char == "}" and scopes:
            start = scopes.pop()
            follows = code[at + 1:at + 40].lstrip()[:1]
            if start is not None and follows not in (",", "{"):  # those follow a member initializer
                yield line_of(code, start), line_of(code, at)
            begin = start if start is not None and follows in (",", "{") else at + 1
        elif char == ";" and not inside:
            begin = at + 1


def check(tree):
    for path in tree.cpp():
        text = tree.text(path)
        count = text.count("\n")
        if count > MAX_FILE_LINES and not is_allowed(text, 1, "lengths"):
            yield Finding(path, 1, f"{count} lines; {MAX_FILE_LINES} are enough: split it by what it does")
        for first, last in functions(text):
            if last - first + 1 > MAX_FUNCTION_LINES and not is_allowed(text, first, "lengths"):
                yield Finding(path, first, f"a function of {last - first + 1} lines; "
                                           f"{MAX_FUNCTION_LINES} are enough: name its parts")
