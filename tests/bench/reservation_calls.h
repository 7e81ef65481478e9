// The calls around a reservation under load. The reservation with number n is of item n, costs
// kPricePoints, and is paid by user n or by the one hot user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/postgres_reservations.h"
#include "tests/bench/rpc_load.h"

namespace outboxd::bench {

// `wallet.deposit` of more than any user of a run spends.
class WalletDeposit : public RpcLoad {
 public:
  explicit WalletDeposit(Wallets wallets);
};

class ReservationHold : public RpcLoad {
 public:
  explicit ReservationHold(Wallets wallets);
};

// The tokens that were issued, by the number of the request.
class Tokens {
 public:
  // Forgets the others: from now on there is one each for `count` numbers from `first` on.
  void expect(std::uint64_t first, std::uint64_t count);
  void put(std::uint32_t msgid, std::string token);
  const std::string& of(std::uint64_t number) const { return tokens_.at(number - first_); }

 private:
  std::uint64_t first_ = 0;
  std::vector<std::string> tokens_;
};

// `token.issue`, whose answers it keeps in `tokens`, which must outlive it.
class TokenIssue : public RpcLoad {
 public:
  TokenIssue(Wallets wallets, Tokens& tokens);

 private:
  void note_reply(const char* data, std::size_t size) override;

  Tokens& tokens_;
};

// `reservation.pay` with the reservation's token of `tokens`, which must outlive it. All tokens
// have the length of that of number `sample`.
class ReservationPay : public RpcLoad {
 public:
  ReservationPay(Wallets wallets, const Tokens& tokens, std::uint64_t sample);

  void append_request(std::uint64_t number, std::string& out) override;

 private:
  ReservationPay(std::string request, const Tokens& tokens, const std::string& placeholder);

  const Tokens& tokens_;
  const std::size_t token_offset_;
  const std::size_t token_bytes_;
};

}  // namespace outboxd::bench
