"""Calls that are not used here, each with what to use instead."""

import re

from source_tree import CODE_FOLDERS, Finding, is_allowed, line_of, without_comments_and_literals

LIBRARY_FOLDERS = ("domain", "config", "storage", "transport", "systemd")
EVERYWHERE = CODE_FOLDERS + ("tests",)
# The benchmark measures over time; everything else waits for events.
TIMELESS = CODE_FOLDERS + tuple(f"tests/{part}" for part in ("unit", "contract", "fault", "e2e", "fuzz"))

# (pattern, folders, replacement)
BANNED = (
    (r"\bsleep_(for|until)\s*\(|\bu?sleep\s*\(|\bnanosleep\s*\(", TIMELESS,
     "wait for an event: a condition variable, EventLoop::Timer, poll()"),
    (r"(?<![\w.>])(std::)?system\s*\(", EVERYWHERE, "start the program itself (posix_spawn), without a shell"),
    (r"\bpopen\s*\(", EVERYWHERE, "start the program itself (posix_spawn), without a shell"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets)\s*\(", EVERYWHERE, "std::string"),
    (r"\b(atoi|atol|atoll|atof|strto[lu]l*|std::sto[ldifu]+l*)\s*\(", CODE_FOLDERS,
     "std::from_chars: it reports errors and knows no locale"),
    (r"\bstd::rand\s*\(|(?<![\w.>])s?rand\s*\(", EVERYWHERE, "an injected source of randomness"),
    (r"\b(localtime|gmtime|asctime|ctime|strtok)\s*\(", CODE_FOLDERS,
     "the reentrant one (gmtime_r, strtok_r)"),
    (r"(?<![\w.>])(std::)?(exit|_exit|quick_exit)\s*\(", LIBRARY_FOLDERS,
     "return an Error; OUTBOXD_CHECK for bugs"),
    (r"catch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", EVERYWHERE, "catch what is expected and say what it means"),
    (r"\.detach\s*\(\s*\)", EVERYWHERE, "own the thread and join it"),
    (r"\bstd::(cout|cerr|clog)\b|(?<![\w.>])(std::)?printf\s*\(|\bperror\s*\(", LIBRARY_FOLDERS,
     "return it: libraries do not log"),
    (r"(?m)^using\s+namespace\b(?!\s+std::(chrono_|string_|string_view_)?literals)", CODE_FOLDERS,
     "name what you use"),
    (r"\bSeekToFirst\s*\(", ("storage",), "seek from the watermark: a queue's beginning is garbage"),
    (r"\bDeleteRange\s*\(", CODE_FOLDERS, "DeleteFilesInRange and the compaction filter (PITFALLS)"),
    (r"\bconst_cast\s*<", CODE_FOLDERS, "a type that says who may change it"),
    (r"\bvolatile\b", EVERYWHERE, "std::atomic"),
)


def check(tree):
    for pattern, folders, replacement in BANNED:
        compiled = re.compile(pattern)
        for path in tree.cpp(folders):
            text = tree.text(path)
            for match in compiled.finditer(without_comments_and_literals(text)):
                line = line_of(text, match.start())
                if not is_allowed(text, line, "banned_calls"):
                    call = " ".join(match.group(0).split()).rstrip("( ")
                    yield Finding(path, line, f"{call}: use {replacement}")
