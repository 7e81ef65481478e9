#include "tests/fault/io_error_sweep.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "domain/check.h"
#include "tests/fault/checker.h"
#include "tests/fault/scripted_run.h"

namespace outboxd::fault {
namespace {

// A case that takes so long hangs: RocksDB waits for a background job that gave up.
constexpr unsigned kCaseSeconds = 60;
constexpr std::size_t kMaxViolations = 10;
constexpr std::size_t kViolationBytes = 600;

// What the workers leave for each other and for their parent, in memory that they share.
struct Ledger {
  std::uint64_t next_case = 0;  // the first that no worker has finished
  bool is_running = false;      // next_case was begun
  std::uint64_t stopped = 0;
  std::uint64_t aborted = 0;
  std::uint64_t opened = 0;
  bool is_done = false;
  std::size_t violations = 0;
  char texts[kMaxViolations][kViolationBytes] = {};

  void add(const std::string& violation) {
    if (violations == kMaxViolations) return;
    std::snprintf(texts[violations++], kViolationBytes, "%s", violation.c_str());
  }
};

// One stretch of the script, ready to be run again with a fault in it.
struct Scene {
  DiskImage start;
  Application application;
  History history;  // up to the start
  std::array<std::uint64_t, 4> accesses{};
};

struct Case {
  const Scene* scene = nullptr;
  Fault fault;
};

std::vector<Scene> play_scenes(const IoErrorOptions& options) {
  std::vector<Scene> scenes;
  DiskImage disk = new_box();
  Application application(options.seed);
  History history{.contents = {application.contents()}};
  for (std::size_t i = 0; i < options.stretches; ++i) {
    Scene scene{.start = disk, .application = application, .history = history};
    Recorder recorder;
    PowerCutFileSystem files(disk, &recorder);
    run_stretch({.groups = options.groups}, files, recorder, application, history);
    OUTBOXD_CHECK(history.stopped_by.empty() && history.complaints.empty());
    DiskModel model(disk);
    for (const Operation& operation : recorder.take()) model.apply(operation);
    disk = model.as_seen();
    for (const Access access : options.accesses) {
      scene.accesses[static_cast<std::size_t>(access)] = files.accesses(access);
    }
    scenes.push_back(std::move(scene));
  }
  return scenes;
}

std::vector<Case> list_cases(const std::vector<Scene>& scenes, const IoErrorOptions& options) {
  std::vector<Case> cases;
  for (const Scene& scene : scenes) {
    for (const Access access : options.accesses) {
      const std::uint64_t count = scene.accesses[static_cast<std::size_t>(access)];
      for (std::uint64_t nth = 1; nth <= count; nth += options.every) {
        // Every cause at each access; once and for good take turns.
        bool for_good = nth % 2 != 0;
        for (const Fault::Cause cause : options.causes) {
          cases.push_back({&scene, {access, nth, cause, for_good}});
          for_good = !for_good;
        }
      }
    }
  }
  return cases;
}

// Works through the cases from `ledger.next_case` on.
class Worker {
 public:
  Worker(const IoErrorOptions& options, Ledger& ledger, int journal_fd)
      : options_(options), ledger_(ledger), journal_fd_(journal_fd) {}

  void run() {
    const std::vector<Scene> scenes = play_scenes(options_);
    const std::vector<Case> cases = list_cases(scenes, options_);
    if (ledger_.is_running) {
      // The worker before this one died in it; nobody knows what its script would have filled in
      // after the disk's last word, so its history is the healthy one.
      ::alarm(kCaseSeconds);
      check_aftermath(cases[ledger_.next_case], read_journal(journal_fd_), std::nullopt);
      finish_case();
    }
    while (ledger_.next_case < cases.size() && ledger_.violations < kMaxViolations) {
      ledger_.is_running = true;
      OUTBOXD_CHECK(::ftruncate(journal_fd_, 0) == 0 && ::lseek(journal_fd_, 0, SEEK_SET) == 0);
      ::alarm(kCaseSeconds);
      run_case(cases[ledger_.next_case]);
      finish_case();
    }
    ledger_.is_done = true;
  }

 private:
  void finish_case() {
    ::alarm(0);
    ledger_.is_running = false;
    ++ledger_.next_case;
  }

  void run_case(const Case& task) {
    // The record begins with the disk as it was: the tables of another worker's scenes have other
    // unique ids.
    Recorder recorder(journal_fd_);
    for (Operation& operation : record_of(task.scene->start)) recorder.add(std::move(operation));
    PowerCutFileSystem files(task.scene->start, &recorder);
    files.inject(task.fault);
    Application application = task.scene->application;
    History history = task.scene->history;
    run_stretch({.groups = options_.groups}, files, recorder, application, history);
    if (!history.stopped_by.empty()) ++ledger_.stopped;
    for (const std::string& complaint : history.complaints) report(task, complaint);
    check_aftermath(task, recorder.take(), std::move(history));
  }

  // The process is started again, with the disk as it is; or the power goes, too.
  void check_aftermath(const Case& task, const Record& record, std::optional<History> history) {
    if (!history) history = healthy_history(*task.scene);
    std::size_t acknowledged = task.scene->history.contents.size() - 1;
    DiskModel model(empty_disk("/"));
    for (const Operation& operation : record) {
      model.apply(operation);
      if (operation.kind == Operation::Kind::kAcknowledged) acknowledged = operation.offset;
    }
    std::set<std::string> request_ids = task.scene->application.request_ids();
    for (const auto& [id, request] : history->contents.back().requests) request_ids.insert(id);
    const Promise promise{*history, acknowledged, request_ids};
    std::mt19937_64 random(options_.seed + ledger_.next_case);
    check(task, "restarted", model.as_seen(), promise);
    check(task, "power cut", model.after_cut(kAftermaths[ledger_.next_case % 4], random), promise);
  }

  History healthy_history(const Scene& scene) const {
    Recorder recorder;
    PowerCutFileSystem files(scene.start, &recorder);
    Application application = scene.application;
    History history = scene.history;
    run_stretch({.groups = options_.groups}, files, recorder, application, history);
    return history;
  }

  void check(const Case& task, const std::string& what, const DiskImage& disk,
             const Promise& promise) {
    ++ledger_.opened;
    for (const std::string& violation : check_disk(disk, promise)) {
      report(task, violation + " [" + what + "]");
    }
  }

  void report(const Case& task, const std::string& violation) {
    ledger_.add(violation + " [case " + std::to_string(ledger_.next_case) + ", seed " +
                std::to_string(options_.seed) + ": " + describe(task.fault) + "]");
  }

  static constexpr Aftermath kAftermaths[] = {
      {UnsyncedData::kDropped, UnsyncedNames::kLost},
      {UnsyncedData::kPrefix, UnsyncedNames::kPrefix},
      {UnsyncedData::kMissingPage, UnsyncedNames::kKept},
      {UnsyncedData::kGarbageTail, UnsyncedNames::kKept},
  };

  const IoErrorOptions& options_;
  Ledger& ledger_;
  const int journal_fd_;
};

// Runs one worker to its end. Returns how it died, or nothing when it did not.
std::optional<int> run_worker(const IoErrorOptions& options, Ledger& ledger, int journal_fd) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  OUTBOXD_CHECK(pid >= 0);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    Worker(options, ledger, journal_fd).run();
    std::_Exit(0);
  }
  int status = 0;
  OUTBOXD_CHECK(::waitpid(pid, &status, 0) == pid);
  if (WIFSIGNALED(status)) return WTERMSIG(status);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? std::nullopt : std::optional(0);
}

}  // namespace

IoErrorReport sweep_io_errors(const IoErrorOptions& options) {
  void* shared =
      ::mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  OUTBOXD_CHECK(shared != MAP_FAILED);
  Ledger& ledger = *new (shared) Ledger;
  const std::unique_ptr<FILE, int (*)(FILE*)> journal(std::tmpfile(), std::fclose);
  OUTBOXD_CHECK(journal != nullptr);

  while (!ledger.is_done && ledger.violations < kMaxViolations) {
    const std::uint64_t begun = ledger.next_case;
    const bool was_running = ledger.is_running;
    const std::optional<int> death = run_worker(options, ledger, fileno(journal.get()));
    if (!death) continue;
    if (*death == SIGABRT && ledger.is_running && !(was_running && ledger.next_case == begun)) {
      ++ledger.aborted;
      continue;
    }
    ledger.add("case " + std::to_string(ledger.next_case) + ": the worker ended by signal " +
               std::to_string(*death) +
               (*death == SIGALRM ? ", it hung" : ", which is neither an error nor an abort"));
    break;
  }

  IoErrorReport report{.cases = ledger.next_case,
                       .stopped = ledger.stopped,
                       .aborted = ledger.aborted,
                       .opened = ledger.opened};
  for (std::size_t i = 0; i < ledger.violations; ++i)
    report.violations.emplace_back(ledger.texts[i]);
  ::munmap(shared, sizeof(Ledger));
  return report;
}

}  // namespace outboxd::fault
