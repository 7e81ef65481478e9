#include "tests/bench/reservation_calls.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include "tests/bench/errors.h"
#include "tests/bench/rpc_client.h"

namespace outboxd::bench {
namespace {

constexpr int kPricePoints = 25;
constexpr std::int64_t kDepositedPoints = 1'000'000'000;
// Stands in the request where the token belongs.
constexpr char kTokenPlaceholder = '#';

std::string user_of(Wallets wallets) {
  return wallets == Wallets::kOneHot ? "u-hot" : "u-" + std::string(kOrderNumber);
}

std::string reservation_id() {
  return "r-" + std::string(kOrderNumber);
}

std::string placeholder_for(const std::string& token) {
  return std::string(token.size(), kTokenPlaceholder);
}

std::string pay_call(Wallets wallets, const std::string& placeholder) {
  return prepared_call("reservation.pay", 3, [&](RpcPacker& packer) {
    packer.pack("reservation_id").pack(reservation_id());
    packer.pack("user_id").pack(user_of(wallets));
    packer.pack("token").pack(placeholder);
  });
}

}  // namespace

WalletDeposit::WalletDeposit(Wallets wallets)
    : RpcLoad(prepared_call("wallet.deposit", 3, [&](RpcPacker& packer) {
        packer.pack("deposit_id").pack("d-" + std::string(kOrderNumber));
        packer.pack("user_id").pack(user_of(wallets));
        packer.pack("points").pack(kDepositedPoints);
      })) {}

ReservationHold::ReservationHold(Wallets wallets)
    : RpcLoad(prepared_call("reservation.hold", 4, [&](RpcPacker& packer) {
        packer.pack("reservation_id").pack(reservation_id());
        packer.pack("user_id").pack(user_of(wallets));
        packer.pack("item_id").pack("seat-" + std::string(kOrderNumber));
        packer.pack("price_points").pack(kPricePoints);
      })) {}

void Tokens::expect(std::uint64_t first, std::uint64_t count) {
  first_ = first;
  tokens_.assign(count, "");
}

void Tokens::put(std::uint32_t msgid, std::string token) {
  // A msgid is the end of a number.
  const std::uint32_t index = msgid - static_cast<std::uint32_t>(first_);
  tokens_.at(index) = std::move(token);
}

TokenIssue::TokenIssue(Wallets wallets, Tokens& tokens)
    : RpcLoad(
          prepared_call("token.issue", 1,
                        [&](RpcPacker& packer) { packer.pack("user_id").pack(user_of(wallets)); })),
      tokens_(tokens) {}

void TokenIssue::note_reply(const char* data, std::size_t size) {
  const msgpack::object_handle reply = msgpack::unpack(data, size);
  const std::span parts(reply.get().via.array.ptr, reply.get().via.array.size);
  tokens_.put(parts[1].as<std::uint32_t>(), member(parts[3], "token").as<std::string>());
}

ReservationPay::ReservationPay(Wallets wallets, const Tokens& tokens, std::uint64_t sample)
    : ReservationPay(pay_call(wallets, placeholder_for(tokens.of(sample))), tokens,
                     placeholder_for(tokens.of(sample))) {}

ReservationPay::ReservationPay(std::string request, const Tokens& tokens,
                               const std::string& placeholder)
    : RpcLoad(request),
      tokens_(tokens),
      token_offset_(request.find(placeholder)),
      token_bytes_(placeholder.size()) {}

void ReservationPay::append_request(std::uint64_t number, std::string& out) {
  const std::size_t start = out.size();
  RpcLoad::append_request(number, out);
  const std::string& token = tokens_.of(number);
  if (token.size() != token_bytes_) throw BenchError("tokens differ in length");
  out.replace(start + token_offset_, token_bytes_, token);
}

}  // namespace outboxd::bench
