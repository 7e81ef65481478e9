#include "tests/bench/child_process.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/errors.h"
#include "tests/bench/sockets.h"

namespace outboxd::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kExecFailedStatus = 127;

// The children that run, for kill_all_children(), which another thread calls.
struct Family {
  std::mutex mutex;
  std::set<pid_t> running;  // guarded by mutex
  bool is_closed = false;   // guarded by mutex
};

Family& family() {
  static Family only;
  return only;
}

struct Account {
  uid_t uid;
  gid_t gid;
};

std::optional<Account> account_to_use(const std::string& user_if_root) {
  if (user_if_root.empty() || ::geteuid() != 0) return std::nullopt;
  const passwd* entry = ::getpwnam(user_if_root.c_str());
  if (entry == nullptr) throw NotInstalled("there is no user " + user_if_root);
  return Account{entry->pw_uid, entry->pw_gid};
}

// Strings that stay alive from before fork() to exec(), and the char* arrays that exec() wants.
class ExecVector {
 public:
  explicit ExecVector(std::vector<std::string> strings) : strings_(std::move(strings)) {
    for (std::string& string : strings_) pointers_.push_back(string.data());
    pointers_.push_back(nullptr);
  }
  ExecVector(const ExecVector&) = delete;
  ExecVector& operator=(const ExecVector&) = delete;

  char* const* data() const { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

std::vector<std::string> merged_environment(const ChildOptions& options) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(options.environment.begin(), options.environment.end(),
                                      [&](const auto& added) { return added.first == name; });
    if (!replaced) merged.push_back(text);
  }
  for (const auto& [name, value] : options.environment) {
    merged.push_back(std::string(name).append("=").append(value));
  }
  return merged;
}

// Between fork() and exec() in a process with threads: only async-signal-safe calls.
[[noreturn]] void become(const ChildOptions& options, const std::optional<Account>& account,
                         char* const* argv, char* const* environment, int log_fd) {
  ::setpgid(0, 0);
  if (account) {
    const gid_t group = account->gid;
    if (::setgroups(1, &group) != 0 || ::setgid(account->gid) != 0 || ::setuid(account->uid) != 0) {
      ::_exit(kExecFailedStatus);
    }
  }
  // After setuid(), which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null_fd = ::open("/dev/null", O_RDONLY);
  ::dup2(null_fd, STDIN_FILENO);
  ::dup2(log_fd, STDOUT_FILENO);
  ::dup2(log_fd, STDERR_FILENO);
  if (::chdir(options.working_directory.c_str()) == 0) ::execve(argv[0], argv, environment);
  ::_exit(kExecFailedStatus);
}

}  // namespace

ChildProcess::ChildProcess(const ChildOptions& options)
    : name_(fs::path(options.argv.at(0)).filename()), log_file_(options.log_file) {
  const std::optional<Account> account = account_to_use(options.user_if_root);
  const ExecVector argv(options.argv);
  const ExecVector environment(merged_environment(options));
  const int log_fd = ::open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) throw_errno("cannot open " + log_file_.string());
  const UniqueFd log_owner(log_fd);
  const std::lock_guard lock(family().mutex);
  if (family().is_closed) throw BenchError("the benchmark is ending");
  pid_ = ::fork();
  if (pid_ == 0) become(options, account, argv.data(), environment.data(), log_fd);
  if (pid_ < 0) throw_errno("fork");
  // Also here, so that the group exists before anybody signals it.
  ::setpgid(pid_, pid_);
  running_ = true;
  family().running.insert(pid_);
}

ChildProcess::~ChildProcess() {
  if (running_) stop();
}

bool ChildProcess::reap(bool block) {
  if (!running_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, block ? 0 : WNOHANG) != pid_) return false;
  running_ = false;
  exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  // What the child itself started and left in its group.
  ::kill(-pid_, SIGKILL);
  const std::lock_guard lock(family().mutex);
  family().running.erase(pid_);
  return true;
}

void ChildProcess::check_running() {
  if (!reap(false)) return;
  throw BenchError(name_ + " ended with status " + std::to_string(exit_status_) + ":\n" +
                   log_tail());
}

int ChildProcess::stop(std::chrono::milliseconds patience) {
  if (reap(false)) return exit_status_;
  ::kill(pid_, SIGTERM);
  const auto deadline = Clock::now() + patience;
  while (!reap(false)) {
    if (Clock::now() > deadline) {
      kill_hard();
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return exit_status_;
}

void ChildProcess::kill_hard() {
  if (reap(false)) return;
  ::kill(-pid_, SIGKILL);
  reap(true);
}

void ChildProcess::wait_for_success() {
  reap(true);
  if (exit_status_ != 0) check_running();
}

MemoryUse ChildProcess::memory() const {
  MemoryUse use;
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) use.peak_bytes = std::stoull(line.substr(6)) * 1024;
    if (line.starts_with("VmRSS:")) use.resident_bytes = std::stoull(line.substr(6)) * 1024;
  }
  return use;
}

std::string ChildProcess::log_tail() const {
  constexpr std::size_t kTailBytes = 1500;
  std::ifstream file(log_file_);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  return all.size() <= kTailBytes ? all : all.substr(all.size() - kTailBytes);
}

std::string find_program(const std::string& program, const std::string& debian_package,
                         const std::vector<std::string>& extra_directories) {
  std::vector<std::string> directories = extra_directories;
  const char* path = std::getenv("PATH");
  std::stringstream list(path == nullptr ? "" : path);
  for (std::string directory; std::getline(list, directory, ':');) directories.push_back(directory);
  // Servers live in sbin, which the PATH of a plain user may lack.
  directories.emplace_back("/usr/sbin");
  for (const std::string& directory : directories) {
    std::string candidate = (fs::path(directory) / program).string();
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  throw NotInstalled(program + " is not installed (Debian package " + debian_package + ")");
}

void kill_all_children() {
  const std::lock_guard lock(family().mutex);
  family().is_closed = true;
  for (const pid_t pid : family().running) ::kill(-pid, SIGKILL);
}

}  // namespace outboxd::bench
