#include "daemon/api/wallet_methods.h"

#include "daemon/mutation_fields.h"
#include "transport/ipc/arguments.h"

namespace outboxd::daemon {
namespace {

using domain::Status;
using transport::Arguments;
using transport::Request;
using transport::Writer;

void write_wallet(Writer& writer, const domain::WalletSnapshot& wallet,
                  const MutationFields* mutation = nullptr) {
  writer.map(2 + (mutation != nullptr ? MutationFields::kCount : 0))
      .field("user_id", wallet.user_id.text())
      .field("points", wallet.points());
  if (mutation != nullptr) write_fields(writer, *mutation);
}

Status deposit(const WalletApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(
      const Arguments arguments,
      Arguments::of_params(request.params, {"deposit_id", "user_id", "points"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto deposit_text, arguments.string("deposit_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto deposit_id, domain::DepositId::parse(deposit_text));
  OUTBOXD_ASSIGN_OR_RETURN(const auto user_text, arguments.string("user_id"));
  OUTBOXD_ASSIGN_OR_RETURN(auto user_id, domain::UserId::parse(user_text));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::Points points, arguments.integer("points"));
  const Deposit deposit{std::move(deposit_id), std::move(user_id), points};
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const WalletOutcome outcome, api.wallets.deposit(deposit, work));
    const MutationFields mutation{.replayed = outcome.replayed};
    write_wallet(writer, outcome.wallet, &mutation);
    return domain::ok_status();
  });
  return domain::ok_status();
}

Status get(const WalletApi& api, const Request& request) {
  OUTBOXD_ASSIGN_OR_RETURN(const Arguments arguments,
                           Arguments::of_params(request.params, {"user_id"}));
  OUTBOXD_ASSIGN_OR_RETURN(const auto text, arguments.string("user_id"));
  OUTBOXD_ASSIGN_OR_RETURN(const domain::UserId id, domain::UserId::parse(text));
  api.core.execute(request.reply_to, [&](domain::UnitOfWork& work, Writer& writer) -> Status {
    OUTBOXD_ASSIGN_OR_RETURN(const domain::WalletSnapshot wallet, api.wallets.get(id, work));
    write_wallet(writer, wallet);
    return domain::ok_status();
  });
  return domain::ok_status();
}

}  // namespace

void add_wallet_methods(MethodTable& methods, WalletApi api) {
  methods.add("wallet.deposit", Access::kWrite,
              [api](const Request& r) { return deposit(api, r); });
  methods.add("wallet.get", Access::kRead, [api](const Request& r) { return get(api, r); });
}

}  // namespace outboxd::daemon
