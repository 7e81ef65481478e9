#include "tests/e2e/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/paths.h"

namespace outboxd::e2e {
namespace {

using client::Descriptor;

constexpr int kExecFailed = 127;
constexpr int kFirstPassedFd = 3;  // SD_LISTEN_FDS_START
constexpr std::string_view kListenPid = "LISTEN_PID=";

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) fail("pipe");
  return {Descriptor(fds[0]), Descriptor(fds[1])};
}

// The strings of an exec(), alive from before fork() on: the child must not allocate.
class Strings {
 public:
  void add(std::string text) { texts_.push_back(std::move(text)); }

  // Null-terminated; nothing may be added afterwards.
  char** pointers() {
    pointers_.clear();
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
    return pointers_.data();
  }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

bool replaces(const ProcessOptions& options, std::string_view entry) {
  const std::string_view name = entry.substr(0, entry.find('='));
  if (name == "LISTEN_FDS" || name == "LISTEN_PID" || name == "NOTIFY_SOCKET") return true;
  for (const auto& [added, value] : options.environment) {
    if (added == name) return true;
  }
  return false;
}

Strings environment_of(const ProcessOptions& options) {
  Strings strings;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!replaces(options, *entry)) strings.add(*entry);
  }
  for (const auto& [name, value] : options.environment) strings.add(name + "=" + value);
  if (options.listening_fd) {
    strings.add("LISTEN_FDS=1");
    strings.add(std::string(kListenPid) + std::string(10, ' '));  // the child fills it in
  }
  return strings;
}

// The child's own number into its environment, which nobody knows before fork(). To the left, the
// rest blank is no number: so the digits end with the string.
void fill_in_pid(char** environment) {
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, kListenPid.data(), kListenPid.size()) != 0) continue;
    std::array<char, 10> digits{};
    std::size_t count = 0;
    for (pid_t rest = ::getpid(); rest > 0; rest /= 10) {
      digits[count++] = static_cast<char>('0' + rest % 10);
    }
    char* at = *environment + kListenPid.size();
    while (count > 0) *at++ = digits[--count];
    *at = '\0';
  }
}

struct ChildFds {
  int in;
  int out;
  int err;
};

// Between fork() and exec(): async-signal-safe calls only.
[[noreturn]] void become(const ProcessOptions& options, ChildFds fds, pid_t parent, char** argv,
                         char** environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExecFailed);  // it ended before the line above
  ::dup2(fds.in, STDIN_FILENO);
  ::dup2(fds.out, STDOUT_FILENO);
  ::dup2(fds.err, STDERR_FILENO);
  if (options.listening_fd) {
    if (*options.listening_fd == kFirstPassedFd) {
      ::fcntl(kFirstPassedFd, F_SETFD, 0);
    } else {
      ::dup2(*options.listening_fd, kFirstPassedFd);
    }
    fill_in_pid(environment);
  }
  if (options.max_open_files) {
    const rlimit limit{*options.max_open_files, *options.max_open_files};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(kExecFailed);
  ::execvpe(argv[0], argv, environment);
  ::_exit(kExecFailed);
}

// Small enough for the pipe, so that nobody waits for anybody.
void feed(const Descriptor& pipe, std::string_view input) {
  if (input.size() > PIPE_BUF) throw std::runtime_error("input is larger than a pipe surely takes");
  if (!input.empty() && ::write(pipe.get(), input.data(), input.size()) < 0) fail("write");
}

}  // namespace

Process::Process(ProcessOptions options) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  feed(in.write_end, options.input);
  in.write_end.reset();
  Strings argv;
  for (const std::string& argument : options.argv) argv.add(argument);
  Strings environment = environment_of(options);
  char** const argv_pointers = argv.pointers();
  char** const environment_pointers = environment.pointers();
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) {
    become(options, {in.read_end.get(), out.write_end.get(), err.write_end.get()}, parent,
           argv_pointers, environment_pointers);
  }
  out.write_end.reset();
  err.write_end.reset();
  reader_ = std::thread(
      [this, out_end = std::move(out.read_end), err_end = std::move(err.read_end)]() mutable {
        read_output(std::move(out_end), std::move(err_end));
      });
}

Process::~Process() {
  kill();
}

void Process::read_output(Descriptor out, Descriptor err) {
  std::array<pollfd, 2> fds{pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0}};
  std::array<char, 16384> buffer{};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const ssize_t size = ::read(fds[i].fd, buffer.data(), buffer.size());
      if (size <= 0) {
        fds[i].fd = -1;
        continue;
      }
      const std::lock_guard lock(mutex_);
      (i == 0 ? out_ : err_).append(buffer.data(), static_cast<std::size_t>(size));
      changed_.notify_all();
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

const std::string* Process::stream_with(std::string_view text) const {
  for (const std::string* stream : {&err_, &out_}) {
    if (stream->find(text) != std::string::npos) return stream;
  }
  return nullptr;
}

bool Process::wait_for_output(std::string_view text) {
  std::unique_lock lock(mutex_);
  const bool told =
      changed_.wait_for(lock, kPatience, [&] { return stream_with(text) != nullptr || ended_; });
  if (!told) throw std::runtime_error("waited too long for \"" + std::string(text) + "\"");
  return stream_with(text) != nullptr;
}

std::optional<std::string> Process::line_with(std::string_view text) {
  const std::lock_guard lock(mutex_);
  const std::string* stream = stream_with(text);
  if (stream == nullptr) return std::nullopt;
  const std::size_t at = stream->find(text);
  const std::size_t line_break = stream->rfind('\n', at);
  const std::size_t begin = line_break == std::string::npos ? 0 : line_break + 1;
  return stream->substr(begin, stream->find('\n', at) - begin);
}

void Process::signal(int number) const {
  if (is_running()) ::kill(pid_, number);
}

ExitStatus Process::wait() {
  if (status_) return *status_;
  {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kPatience, [this] { return ended_; })) {
      throw std::runtime_error("waited too long for the end of a process");
    }
  }
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) fail("waitpid");
  status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  reader_.join();
  return *status_;
}

void Process::kill() {
  if (!is_running()) return;
  signal(SIGKILL);
  wait();
}

std::string Process::out() {
  const std::lock_guard lock(mutex_);
  return out_;
}

std::string Process::err() {
  const std::lock_guard lock(mutex_);
  return err_;
}

std::uint64_t Process::peak_rss_bytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  throw std::runtime_error("the process has no memory: it has ended");
}

ProcessOutcome run(ProcessOptions options) {
  Process process(std::move(options));
  const ExitStatus status = process.wait();
  return {status, process.out(), process.err()};
}

std::string program(std::string_view name) {
  return support::program_dir() + "/" + std::string(name);
}

}  // namespace outboxd::e2e
