#!/usr/bin/env python3
"""Each lint finds a violation that is planted for it, and accepts its correction."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import banned_calls  # noqa: E402
import dev_commands  # noqa: E402
import layering  # noqa: E402
import leftovers  # noqa: E402
import lengths  # noqa: E402
import mirror  # noqa: E402
import packages  # noqa: E402
from source_tree import SourceTree, without_comments_and_literals  # noqa: E402


class PlantedTree(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def findings(self, lint):
        return [str(finding) for finding in lint.check(SourceTree(self.root))]

    def assert_found(self, lint, *parts):
        findings = self.findings(lint)
        self.assertTrue(any(all(part in finding for part in parts) for finding in findings), findings)

    def assert_clean(self, lint):
        self.assertEqual(self.findings(lint), [])


class Text(unittest.TestCase):
    def test_comments_and_literals_become_blanks_of_the_same_shape(self):
        text = 'a("x;{"); // {\n/* {\n */ b(\'{\', R"(}{)"); c = 1\'000;'
        bare = without_comments_and_literals(text)
        self.assertEqual(len(bare), len(text))
        self.assertEqual(bare.count("\n"), text.count("\n"))
        self.assertNotIn("{", bare)
        self.assertIn("c = 1'000;", bare)


class Layering(PlantedTree):
    def test_a_layer_sees_only_those_below_it(self):
        self.plant("domain/order.cc", '#include "storage/store.h"\n')
        self.assert_found(layering, "domain/order.cc:1", "may not include storage/store.h")

    def test_storage_and_transport_do_not_see_each_other(self):
        self.plant("storage/a.cc", '#include "transport/limits.h"\n')
        self.plant("transport/b.cc", '#include "storage/store.h"\n')
        self.assertEqual(len(self.findings(layering)), 2)

    def test_the_broker_sees_of_storage_the_database_only(self):
        self.plant("broker/a.cc", '#include "storage/database/database.h"\n')
        self.assert_clean(layering)
        self.plant("broker/b.cc", '#include "storage/store.h"\n')
        self.assert_found(layering, "broker/b.cc:1")

    def test_only_the_composition_root_names_adapters(self):
        self.plant("daemon/composition.cc", '#include "storage/store.h"\n')
        self.assert_clean(layering)
        self.plant("daemon/service.cc", '#include "storage/store.h"\n')
        self.assert_found(layering, "daemon/service.cc:1", "use the port")

    def test_a_library_stays_in_its_folder(self):
        self.plant("daemon/a.cc", "#include <rocksdb/db.h>\n")
        self.assert_found(layering, "daemon/a.cc:1", "rocksdb/db.h")

    def test_a_library_stays_out_of_headers_that_others_include(self):
        self.plant("transport/ipc/server.h", "#include <asio.hpp>\n")
        self.assert_clean(layering)
        self.plant("daemon/a.cc", '#include "transport/ipc/server.h"\n')
        self.assert_found(layering, "transport/ipc/server.h:1", "daemon/a.cc")

    def test_includes_are_written_from_the_root(self):
        self.plant("domain/order.cc", '#include "order.h"\n')
        self.assert_found(layering, "domain/order.cc:1", "project's root")

    def test_a_reason_on_the_line_above_allows_an_exception(self):
        self.plant("domain/a.cc", '// lint: allow(layering): shows how\n#include "storage/store.h"\n')
        self.assert_clean(layering)
        self.plant("domain/b.cc", '// lint: allow(layering)\n#include "storage/store.h"\n')
        self.assert_found(layering, "domain/b.cc:2")


class BannedCalls(PlantedTree):
    def test_each_banned_call_is_found(self):
        for call in ("std::this_thread::sleep_for(x);", "usleep(1);", "system(c);", "std::system(c);",
                     "strcpy(a, b);", "std::rand();", "std::exit(1);", "exit(1);", "atoi(s);",
                     "try { f(); } catch (...) {}", "thread.detach();", "std::cout << 1;",
                     "using namespace std;", "it->SeekToFirst();", "db.DeleteRange(a);",
                     "volatile int x;", "std::stoi(s);"):
            with self.subTest(call):
                self.plant("storage/a.cc", f"void g() {{\n{call}\n}}\n")
                self.assert_found(banned_calls, "storage/a.cc:2", "use ")

    def test_words_like_banned_calls_are_accepted(self):
        self.plant("storage/a.cc", "// never sleep_for(1)\nfile_system(x); fs.system(x); on_exit(1);\n"
                                   'say("exit(1)"); catch (...) { report(); }\n')
        self.assert_clean(banned_calls)

    def test_programs_may_exit(self):
        self.plant("daemon/main.cc", "std::exit(1);\n")
        self.assert_clean(banned_calls)


class Lengths(PlantedTree):
    def test_a_file_is_too_long_beyond_500_lines(self):
        self.plant("domain/a.cc", "int x;\n" * 500)
        self.assert_clean(lengths)
        self.plant("domain/b.cc", "int x;\n" * 501)
        self.assert_found(lengths, "domain/b.cc:1", "501 lines")

    def test_a_function_is_too_long_beyond_70_lines(self):
        head = "namespace a {\nFoo::Foo(int x) noexcept : a_{x}, b_(x) {\n"
        self.plant("domain/a.cc", head + "  g([] {});\n" * 68 + "}\n}\n")
        self.assert_clean(lengths)
        self.plant("domain/b.cc", head + "  g([] {});\n" * 69 + "}\n}\n")
        self.assert_found(lengths, "domain/b.cc:2", "71 lines")

    def test_methods_in_a_class_and_tests_are_functions(self):
        for head in ("class A {\n int f() const {\n", "namespace {\nTEST(A, B) {\n",
                     "struct A {\n A() = default;\n template <typename T>\n void g(T t) {\n"):
            with self.subTest(head):
                self.plant("domain/a.cc", head + "g();\n" * 71 + "}\n};\n")
                self.assert_found(lengths, "domain/a.cc", "lines")

    def test_a_long_class_of_short_methods_is_accepted(self):
        self.plant("domain/a.h", "class A {\n" + "  int f() { return 1; }\n" * 100 + "};\n")
        self.assert_clean(lengths)


class Leftovers(PlantedTree):
    def test_unfinished_work_is_found(self):
        for word in ("TO" "DO", "FIX" "ME", "XX" "X"):
            self.plant("docs/a.md", f"one\n{word}: later\n")
            self.assert_found(leftovers, "docs/a.md:2", word)

    def test_paths_of_one_machine_are_found(self):
        self.plant("tests/e2e/a.py", 'open("/ho' 'me/me/x")\n')
        self.assert_found(leftovers, "tests/e2e/a.py:1", "one machine")

    def test_tests_that_are_switched_off_are_found(self):
        self.plant("tests/unit/a_test.cc", "#include <x>\nTEST(A, DISABLED" "_B) {}\n")
        self.assert_found(leftovers, "a_test.cc:2", "does not run")
        self.plant("tests/unit/b_test.cc", "GTEST_SKIP" "();\nGTEST_SKIP" '() << "needs root";\n')
        self.assert_found(leftovers, "b_test.cc:1", "does not run")
        self.assertFalse(any("b_test.cc:2" in finding for finding in self.findings(leftovers)))

    def test_drawers_and_unguarded_headers_are_found(self):
        self.plant("domain/utils.h", "#pragma once\n")
        self.assert_found(leftovers, "drawer")
        self.plant("domain/b.h", "int x;\n")
        self.assert_found(leftovers, "domain/b.h:1", "#pragma once")

    def test_sources_that_are_included_are_found(self):
        self.plant("domain/a.cc", '#include "domain/b.cc"\n')
        self.assert_found(leftovers, "domain/a.cc:1", "a source, included")

    def test_untidy_line_ends_are_found(self):
        self.plant("domain/a.cc", "int x; \nint y;")
        self.assert_found(leftovers, "domain/a.cc:1", "trailing blanks")
        self.assert_found(leftovers, "domain/a.cc:2", "no line break")


class Mirror(PlantedTree):
    def test_a_unit_test_stands_where_its_source_stands(self):
        self.plant("tests/CMakeLists.txt", "unit/domain/order_test.cc unit/domain/gone_test.cc\n")
        self.plant("domain/order.h", "")
        self.plant("tests/unit/domain/order_test.cc", "")
        self.assert_clean(mirror)
        self.plant("tests/unit/domain/gone_test.cc", "")
        self.assert_found(mirror, "gone_test.cc", "does not exist")

    def test_every_source_has_a_target(self):
        self.plant("domain/CMakeLists.txt", "add_library(domain order.cc)\n")
        self.plant("domain/order.cc", "")
        self.assert_clean(mirror)
        self.plant("domain/border.cc", "")
        self.plant("domain/rder.cc", "")
        self.assertEqual(len(self.findings(mirror)), 2)


class Packages(PlantedTree):
    def test_build_dependencies_are_installed_by_setup_and_versions_agree(self):
        self.plant("CMakeLists.txt", "project(outboxd VERSION 1.2.0 LANGUAGES CXX)\n")
        self.plant("packaging/dev-packages.txt", "cmake # the build\n")
        self.plant("packaging/debian/control", "Build-Depends: debhelper-compat (= 13),\n cmake (>= 3)\n")
        self.plant("packaging/debian/changelog", "outboxd (1.2.0) bookworm; urgency=medium\n")
        self.assert_clean(packages)
        self.plant("packaging/debian/control", "Build-Depends: cmake, libzmq3-dev\nStandards-Version: 1\n")
        self.assert_found(packages, "libzmq3-dev")
        self.plant("packaging/debian/changelog", "outboxd (1.1.0) bookworm; urgency=medium\n")
        self.assert_found(packages, "version")


class DevCommands(PlantedTree):
    def plant_dev(self, told):
        self.plant("dev", f"#!/bin/sh\nif [ \"$1\" = help ]; then echo '  deb  packages'; else echo '{told}'; fi\n")
        (self.root / "dev").chmod(0o755)

    def test_what_a_command_starts_is_there(self):
        self.plant("CMakeLists.txt", "add_executable(outboxd main.cc)\n")
        self.plant("CMakePresets.json", '{ "name": "release" }\n')
        self.plant("packaging/pack", "")
        (self.root / "packaging/pack").chmod(0o755)
        for good in ("packaging/pack x", "cmake --build b --target outboxd", "configure release", "build/release/bin/outboxd"):
            self.plant_dev(good)
            self.assert_clean(dev_commands)
        for bad in ("packaging/unpack x", "cmake --build b --target outboxx", "configure debug", "build/release/bin/x",
                    "no-such-program x"):
            with self.subTest(bad):
                self.plant_dev(bad)
                self.assert_found(dev_commands, "deb: ")


class Tools(PlantedTree):
    def status_of(self, *command):
        return subprocess.run(command, capture_output=True, check=False).returncode

    def test_the_runner_fails_on_findings_and_on_unknown_lints(self):
        runner = str(HERE / "run.py")
        self.assertEqual(self.status_of(runner, "lengths", str(self.root)), 0)
        self.plant("domain/b.cc", "int x;\n" * 501)
        self.assertEqual(self.status_of(runner, "lengths", str(self.root)), 1)
        self.assertEqual(self.status_of(runner, "length", str(self.root)), 2)

    def test_clang_format_is_asked(self):
        self.plant(".clang-format", "BasedOnStyle: Google\n")
        self.plant("domain/a.cc", "int f() { return 1; }\n")
        self.assertEqual(self.status_of(str(HERE / "format.sh"), str(self.root)), 0)
        self.plant("domain/a.cc", "int   f ( ) {return 1;}\n")
        self.assertNotEqual(self.status_of(str(HERE / "format.sh"), str(self.root)), 0)

    def test_shellcheck_is_asked(self):
        self.plant("dev", '#!/bin/sh\necho "$1"\n')
        self.assertEqual(self.status_of(str(HERE / "scripts.sh"), str(self.root)), 0)
        self.plant("dev", "#!/bin/sh\nrm -rf $1/x\n")
        self.assertNotEqual(self.status_of(str(HERE / "scripts.sh"), str(self.root)), 0)

    def test_clang_tidy_is_asked_with_our_checks(self):
        self.plant(".clang-tidy", (HERE.parent.parent / ".clang-tidy").read_text(encoding="utf-8"))
        source = self.root / "domain/a.cc"
        self.plant("build/compile_commands.json", json.dumps([
            {"directory": str(self.root), "file": str(source), "command": f"c++ -std=c++20 -c {source}"}]))
        tidy = (str(HERE / "tidy.py"), str(self.root / "build"), str(self.root))
        self.plant("domain/a.cc", "int* f() { return nullptr; }\n")
        self.assertEqual(self.status_of(*tidy), 0)
        self.plant("domain/a.cc", "int* f() { return 0; }\n")
        self.assertEqual(self.status_of(*tidy), 1)

    def plant_joined(self):
        """A unit that joins two sources, and the words to run clang-tidy over it."""
        self.plant(".clang-tidy", (HERE.parent.parent / ".clang-tidy").read_text(encoding="utf-8"))
        unit = self.root / "build/domain/unity_0_cxx.cxx"
        self.plant("build/domain/unity_0_cxx.cxx",
                   f'#include "{self.root}/domain/a.cc"\n#include "{self.root}/domain/b.cc"\n')
        self.plant("build/compile_commands.json", json.dumps([
            {"directory": str(self.root), "file": str(unit), "command": f"c++ -std=c++20 -I{self.root} -c {unit}"}]))
        self.plant("domain/a.cc", '#include "domain/a.h"\n')
        self.plant("domain/a.h", "int* g();\n")
        self.plant("domain/b.cc", "int* f() { return nullptr; }\n")
        return str(HERE / "tidy.py"), str(self.root / "build"), str(self.root)

    def test_clang_tidy_looks_into_sources_that_the_build_joins(self):
        tidy = self.plant_joined()
        self.assertEqual(self.status_of(*tidy), 0)
        self.plant("domain/b.cc", "int* f() { return 0; }\n")
        self.assertEqual(self.status_of(*tidy), 1)

    def test_clang_tidy_of_changes_looks_at_what_git_says_has_changed(self):
        program, *folders = self.plant_joined()
        self.plant("domain/b.cc", "int* f() { return 0; }\n")
        git = ("git", "-C", str(self.root), "-c", "user.name=a", "-c", "user.email=a@localhost")
        for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "all")):
            self.assertEqual(self.status_of(*git, *words), 0)
        self.assertEqual(self.status_of(program, "--changed", *folders), 0)
        self.plant("domain/a.h", "int* g(int);\n")
        self.assertEqual(self.status_of(program, "--changed", *folders), 1)

    def test_clang_tidy_without_sources_is_an_error(self):
        self.plant("build/compile_commands.json", "[]")
        self.assertEqual(self.status_of(str(HERE / "tidy.py"), str(self.root / "build"), str(self.root)), 1)


if __name__ == "__main__":
    unittest.main()
