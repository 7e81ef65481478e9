#include "tests/e2e/buyers.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace outboxd::e2e {
namespace {

constexpr std::uint64_t kRush = 8;  // buyers who want the same seat
constexpr std::size_t kBuyersPerUser = 4;
constexpr std::int64_t kFirstPoints = 100;
constexpr std::int64_t kBriefHoldMs = 200;

enum class Intention { kPay, kCancel, kWalkAway };

// What the holder of ticket `n` does once the seat is held.
Intention intention_of(std::uint64_t ticket) {
  switch (ticket % 11) {
    case 3: return Intention::kCancel;
    case 7: return Intention::kWalkAway;
    default: return Intention::kPay;
  }
}

// The daemon sells nothing twice: this is how it says so.
bool is_taken(const Failure& failure) {
  return failure.code == "invalid_state" && failure.argument() == "item_id";
}

}  // namespace

// One buyer's rounds. What a refusal means is its caller's to say; what nobody expects ends the
// load. All methods return nothing when the load has ended.
class Buyers::Buyer {
 public:
  Buyer(Buyers& all, std::size_t number)
      : all_(all),
        name_("b" + std::to_string(number)),
        user_id_("u" + std::to_string(number / kBuyersPerUser)) {}

  void work() {
    if (!deposit(kFirstPoints)) return;
    while (!all_.is_over() && buy_one()) {
    }
  }

 private:
  using Answer = std::optional<client::Result<Json>>;

  bool buy_one();
  bool hold(Hold& wish, Intention intention, bool& taken);
  bool pay(Hold& held);
  bool cancel(Hold& held);
  bool deposit(std::int64_t points);
  std::optional<std::string> token();
  Answer ask(std::string_view method, const Json& arguments);
  // Of an answer that has to be a success.
  std::optional<Json> expect(std::string_view method, const Json& arguments);
  bool refused(std::string_view method, const Failure& failure);

  Buyers& all_;
  const std::string name_;
  const std::string user_id_;
  std::optional<Client> client_;
  std::uint64_t deposits_ = 0;
};

bool Buyers::Buyer::buy_one() {
  const std::uint64_t ticket = all_.tickets_++;
  const Intention intention = intention_of(ticket);
  Hold held{.reservation_id = name_ + "-" + std::to_string(ticket),
            .user_id = user_id_,
            .item_id = "seat-" + std::to_string(ticket / kRush),
            .price_points = static_cast<std::int64_t>(10 + ticket / kRush % 50),
            .status = {}};
  bool taken = false;
  if (!hold(held, intention, taken)) return false;
  if (taken) return true;
  if (intention == Intention::kPay && !pay(held)) return false;
  if (intention == Intention::kCancel && !cancel(held)) return false;
  all_.note(std::move(held));
  return true;
}

bool Buyers::Buyer::hold(Hold& wish, Intention intention, bool& taken) {
  Json arguments = {{"reservation_id", wish.reservation_id},
                    {"user_id", wish.user_id},
                    {"item_id", wish.item_id},
                    {"price_points", wish.price_points}};
  if (intention == Intention::kWalkAway) arguments["ttl_ms"] = kBriefHoldMs;
  const Answer answer = ask("reservation.hold", arguments);
  if (!answer) return false;
  if (!*answer) {
    taken = is_taken(answer->error());
    return taken || refused("reservation.hold", answer->error());
  }
  wish.status = "HELD";
  wish.seq = (*answer)->at("seq").get<std::uint64_t>();
  return true;
}

// With a token that the daemon still knows, and with as many points as it takes.
bool Buyers::Buyer::pay(Hold& held) {
  std::optional<std::string> paid_with = token();
  while (paid_with) {
    const Answer answer = ask("reservation.pay", {{"reservation_id", held.reservation_id},
                                                  {"user_id", held.user_id},
                                                  {"token", *paid_with}});
    if (!answer) return false;
    if (*answer) {
      held.status = (*answer)->at("status");
      held.seq = (*answer)->at("seq").get<std::uint64_t>();
      return true;
    }
    const Failure& failure = answer->error();
    if (failure.code == "insufficient_points") {
      if (!deposit(failure.details.at("missing").get<std::int64_t>())) return false;
    } else if (failure.code == "token_invalid") {
      paid_with = token();  // a restart forgot the other one, and did not sell
    } else {
      return refused("reservation.pay", failure);
    }
  }
  return false;
}

bool Buyers::Buyer::cancel(Hold& held) {
  const auto answer = expect("reservation.cancel", {{"reservation_id", held.reservation_id},
                                                    {"reason", "changed my mind"}});
  if (!answer) return false;
  held.status = answer->at("status");
  held.seq = answer->at("seq").get<std::uint64_t>();
  return true;
}

bool Buyers::Buyer::deposit(std::int64_t points) {
  const std::string id = name_ + "-deposit-" + std::to_string(++deposits_);
  if (!expect("wallet.deposit", {{"deposit_id", id}, {"user_id", user_id_}, {"points", points}})) {
    return false;
  }
  all_.note_deposit(user_id_, points);
  return true;
}

std::optional<std::string> Buyers::Buyer::token() {
  const auto answer = expect("token.issue", {{"user_id", user_id_}});
  if (!answer) return std::nullopt;
  return answer->at("token").get<std::string>();
}

// The daemon's word, however often it has to be asked for.
Buyers::Buyer::Answer Buyers::Buyer::ask(std::string_view method, const Json& arguments) {
  while (true) {
    const auto generation = all_.generation();
    if (!generation) return std::nullopt;
    if (!client_) {
      auto connected = Client::connect({.socket = all_.socket_, .timeout = kPatience});
      if (connected) client_.emplace(std::move(*connected));
    }
    if (client_) {
      auto answer = client_->call(method, arguments);
      if (answer || answer.error().kind == FailureKind::kRefused) return answer;
      client_.reset();
    }
    if (!all_.wait_for_daemon(*generation)) return std::nullopt;
  }
}

std::optional<Json> Buyers::Buyer::expect(std::string_view method, const Json& arguments) {
  const Answer answer = ask(method, arguments);
  if (!answer) return std::nullopt;
  if (!*answer) {
    refused(method, answer->error());
    return std::nullopt;
  }
  return **answer;
}

bool Buyers::Buyer::refused(std::string_view method, const Failure& failure) {
  all_.give_up(name_ + ": " + std::string(method) + " was refused: " + failure.code + ": " +
               failure.message);
  return false;
}

Buyers::Buyers(std::string socket, std::size_t buyers) : socket_(std::move(socket)) {
  for (std::size_t i = 0; i < buyers; ++i) {
    threads_.emplace_back([this, i] { Buyer(*this, i).work(); });
  }
}

Buyers::~Buyers() {
  give_up("the test has ended");
  stop();
}

std::optional<std::uint64_t> Buyers::generation() {
  const std::lock_guard lock(mutex_);
  if (!problem_.empty()) return std::nullopt;
  return generation_;
}

bool Buyers::wait_for_daemon(std::uint64_t generation) {
  std::unique_lock lock(mutex_);
  const bool back = changed_.wait_for(
      lock, kPatience, [&] { return generation_ != generation || !problem_.empty(); });
  if (!back) problem_ = "the daemon did not come back";
  changed_.notify_all();
  return problem_.empty();
}

void Buyers::note(Hold hold) {
  const std::lock_guard lock(mutex_);
  if (hold.status == "PAID") ++sold_;
  sales_.holds.push_back(std::move(hold));
  changed_.notify_all();
}

void Buyers::note_deposit(const std::string& user_id, std::int64_t points) {
  const std::lock_guard lock(mutex_);
  sales_.deposited[user_id] += points;
}

void Buyers::give_up(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  if (problem_.empty()) problem_ = problem;
  changed_.notify_all();
}

bool Buyers::is_over() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Buyers::wait_for_sales(std::size_t count) {
  std::unique_lock lock(mutex_);
  const std::size_t wanted = sold_ + count;
  const bool sold =
      changed_.wait_for(lock, kPatience, [&] { return sold_ >= wanted || !problem_.empty(); });
  if (!problem_.empty()) throw std::runtime_error(problem_);
  if (!sold) throw std::runtime_error("nothing is sold");
}

void Buyers::daemon_is_back() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  changed_.notify_all();
}

void Buyers::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Sales Buyers::finish() {
  stop();
  const std::lock_guard lock(mutex_);
  if (!problem_.empty()) throw std::runtime_error(problem_);
  return sales_;
}

}  // namespace outboxd::e2e
