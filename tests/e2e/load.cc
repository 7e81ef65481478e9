#include "tests/e2e/load.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace outboxd::e2e {
namespace {

// The `n`th change of client `number`: two orders, then a count of its key, and so on.
Told change_of(std::size_t number, std::uint64_t n, std::uint64_t version) {
  const std::string id = "c" + std::to_string(number) + "-" + std::to_string(n);
  if (n % 3 != 0) return {id, "order.create", order(id), 0};
  const std::string key = "count-" + std::to_string(number);
  Json request = transaction(id, key, n);
  request["expect"] = {{{"key", key}, {"version", version}}};
  return {id, "tx.commit", std::move(request), 0};
}

}  // namespace

Load::Load(std::string socket, std::size_t clients) : socket_(std::move(socket)) {
  for (std::size_t i = 0; i < clients; ++i) {
    threads_.emplace_back([this, i] { work(i); });
  }
}

Load::~Load() {
  give_up("");
  stop();
}

void Load::work(std::size_t number) {
  std::optional<Client> client;
  std::uint64_t version = 0;
  for (std::uint64_t n = 1;; ++n) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    Told change = change_of(number, n, version);
    const std::optional<Json> answer = answer_to(change, client);
    if (!answer) return;
    change.seq = answer->at("seq").get<std::uint64_t>();
    if (change.method == "tx.commit") version = answer->at("versions").front().get<std::uint64_t>();
    note(std::move(change));
  }
}

// The OK, however often it has to be asked for; nothing when there is no use in asking.
std::optional<Json> Load::answer_to(const Told& change, std::optional<Client>& client) {
  while (true) {
    std::uint64_t generation = 0;
    {
      const std::lock_guard lock(mutex_);
      generation = generation_;
    }
    if (!client) {
      auto connected = Client::connect({.socket = socket_, .timeout = kPatience});
      if (connected) client.emplace(std::move(*connected));
    }
    if (client) {
      auto answer = client->call(change.method, change.request);
      if (answer) return std::move(*answer);
      if (answer.error().kind == FailureKind::kRefused && answer.error().retry == "never") {
        give_up(change.id + " was refused: " + answer.error().message);
        return std::nullopt;
      }
      client.reset();
    }
    if (!wait_for_daemon(generation)) return std::nullopt;
  }
}

// False when it does not come back.
bool Load::wait_for_daemon(std::uint64_t generation) {
  std::unique_lock lock(mutex_);
  const bool back = changed_.wait_for(
      lock, kPatience, [&] { return generation_ != generation || !problem_.empty(); });
  if (!back) problem_ = "the daemon did not come back";
  changed_.notify_all();
  return problem_.empty();
}

void Load::note(Told change) {
  const std::lock_guard lock(mutex_);
  highest_seq_ = std::max(highest_seq_, change.seq);
  told_.push_back(std::move(change));
  changed_.notify_all();
}

void Load::give_up(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  if (problem_.empty()) problem_ = problem.empty() ? "the test has ended" : problem;
  changed_.notify_all();
}

void Load::wait_for_answers(std::uint64_t count) {
  std::unique_lock lock(mutex_);
  const std::size_t wanted = told_.size() + count;
  const bool told = changed_.wait_for(lock, kPatience,
                                      [&] { return told_.size() >= wanted || !problem_.empty(); });
  if (!problem_.empty()) throw std::runtime_error(problem_);
  if (!told) throw std::runtime_error("the clients get no answers");
}

void Load::daemon_is_back() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  changed_.notify_all();
}

std::uint64_t Load::highest_seq() {
  const std::lock_guard lock(mutex_);
  return highest_seq_;
}

void Load::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::vector<Told> Load::finish() {
  stop();
  const std::lock_guard lock(mutex_);
  if (!problem_.empty()) throw std::runtime_error(problem_);
  return told_;
}

}  // namespace outboxd::e2e
