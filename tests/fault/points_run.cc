#include "tests/fault/points_run.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "transport/msgpack/envelope.h"

namespace outboxd::fault {
namespace {

using domain::ReservationSnapshot;
using domain::ReservationStatus;
using domain::Status;
using Kind = PointsRequest::Kind;

constexpr std::size_t kPageEntries = 1000;  // more than a script makes

// Seals, writes and retires what the store is building. False: it cannot be written.
bool commit(domain::Store& store) {
  std::unique_ptr<domain::SealedGroup> group = store.seal();
  if (!group) return true;
  const bool written = group->write().ok();
  store.retire(std::move(group));
  return written;
}

// The next group is being built while one is written, as in the daemon.
void run_points_stretch(domain::Store& store, std::size_t groups, BoxOffice& office,
                        Recorder& recorder, PointsHistory& history) {
  OUTBOXD_CHECK(office.fill_group(store).ok());
  for (std::size_t i = 1; i <= groups; ++i) {
    history.books.push_back(office.books());
    history.requests.push_back(office.newest_group());
    history.elapsed_ms.push_back(office.elapsed_ms());
    const std::size_t number = history.books.size() - 1;
    std::unique_ptr<domain::SealedGroup> group = store.seal();
    if (i < groups) OUTBOXD_CHECK(office.fill_group(store).ok());
    if (!group) continue;
    OUTBOXD_CHECK(group->write().ok());
    recorder.add({.kind = Operation::Kind::kAcknowledged, .offset = number});
    store.retire(std::move(group));
    office.note_durable(history.requests[number]);
  }
}

class PointsChecker {
 public:
  PointsChecker(const PointsHistory& history, std::size_t acknowledged)
      : history_(history), acknowledged_(acknowledged) {}

  std::vector<std::string> run(const DiskImage& disk) {
    PowerCutFileSystem files(disk);
    auto opened = StoreOnDisk::open(files);
    if (!opened) return {"G1: the store refuses to open: " + opened.error().message};
    storage::OutboxStore& store = (*opened)->store();
    const PointsBooks found = check(store);
    check_against_history(found);
    if (!violations_.empty()) return std::move(violations_);
    ask_again(store, acknowledged_, /*must_be_known=*/true);
    if (acknowledged_ + 1 < history_.books.size()) {
      ask_again(store, acknowledged_ + 1, found == history_.books[acknowledged_ + 1]);
    }
    if (!commit(store)) violated("G1: nothing can be committed after the cut");
    check(store);
    return std::move(violations_);
  }

 private:
  void violated(std::string text) { violations_.push_back(std::move(text)); }

  // What the disk says by itself.
  PointsBooks check(storage::OutboxStore& store) {
    PointsBooks books;
    const auto wallets = store.list_wallets({.limit = kPageEntries});
    const auto sales = store.list_reservations(std::nullopt, {.limit = kPageEntries});
    const auto report = store.verify();
    if (!wallets || !sales || !report) {
      violated("G1: the store cannot be read");
      return books;
    }
    for (const std::string& problem : report->problems) violated("G9: verify() finds " + problem);
    for (const domain::WalletSnapshot& wallet : wallets->entries) {
      books.accounts[wallet.user_id.text()] = {wallet.deposited, wallet.paid};
    }
    domain::UnitOfWork& work = store.begin();
    std::map<std::string, domain::Points> paid;
    std::set<std::string> sold;
    for (const ReservationSnapshot& sale : sales->entries) {
      books.sales[sale.reservation_id.text()] = {sale.user_id.text(), sale.item_id.text(),
                                                 sale.price_points, sale.expires_elapsed_ms,
                                                 sale.status};
      check_events(sale, work);
      if (sale.status != ReservationStatus::kPaid) continue;
      paid[sale.user_id.text()] += sale.price_points;
      if (!sold.insert(sale.item_id.text()).second) {
        violated("G9: item " + sale.item_id.text() + " is sold twice");
      }
      check_deduction(sale, work);
    }
    check_accounts(books, paid, work);
    store.discard();
    return books;
  }

  // Nothing is ever completed here, so every event is still in the outbox.
  void check_events(const ReservationSnapshot& sale, domain::UnitOfWork& work) {
    check_event(sale, sale.held_seq, "reservation.held", work);
    static const std::map<ReservationStatus, std::string> kTypes{
        {ReservationStatus::kPaid, "reservation.paid"},
        {ReservationStatus::kCancelled, "reservation.cancelled"},
        {ReservationStatus::kExpired, "reservation.expired"}};
    const auto type = kTypes.find(sale.status);
    if (type != kTypes.end()) check_event(sale, sale.settled_seq, type->second, work);
  }

  void check_event(const ReservationSnapshot& sale, domain::Seq seq, const std::string& type,
                   domain::UnitOfWork& work) {
    const auto entry = work.outbox().find_pending(seq);
    const std::string bytes = entry && *entry ? (*entry)->envelope : std::string();
    transport::Document document;
    const auto envelope = transport::decode_envelope(bytes, document);  // points into the bytes
    if (!envelope || envelope->type != type || envelope->key != sale.reservation_id.text()) {
      violated("G2: " + type + " of " + sale.reservation_id.text() +
               " is not in the outbox as event " + std::to_string(seq));
    }
  }

  void check_deduction(const ReservationSnapshot& sale, domain::UnitOfWork& work) {
    const auto deduction = work.wallets().find_deduction(sale.reservation_id);
    const bool is_there = deduction && *deduction && (*deduction)->user_id == sale.user_id &&
                          (*deduction)->points == sale.price_points;
    if (!is_there) violated("G9: nothing was deducted for " + sale.reservation_id.text());
  }

  // deposits == balances + paid: by the deposits that there are, not by what the wallet says.
  void check_accounts(const PointsBooks& books, const std::map<std::string, domain::Points>& paid,
                      domain::UnitOfWork& work) {
    std::map<std::string, domain::Points> deposited;
    for (const auto& group : history_.requests) {
      for (const PointsRequest& request : group) {
        if (request.kind != Kind::kDeposit) continue;
        const auto record = work.wallets().find_deposit(*domain::DepositId::parse(request.id));
        if (record && *record) deposited[(*record)->user_id.text()] += (*record)->points;
      }
    }
    std::set<std::string> users;
    for (const auto& [user, account] : books.accounts) users.insert(user);
    for (const auto& [user, points] : paid) users.insert(user);
    for (const auto& [user, points] : deposited) users.insert(user);
    for (const std::string& user : users) {
      const auto account = books.accounts.find(user);
      const domain::Points balance =
          account == books.accounts.end() ? 0 : account->second.deposited - account->second.paid;
      const domain::Points in = deposited.contains(user) ? deposited.at(user) : 0;
      const domain::Points out = paid.contains(user) ? paid.at(user) : 0;
      if (in == balance + out && balance >= 0) continue;
      violated("G9: " + user + " deposited " + std::to_string(in) + ", paid " +
               std::to_string(out) + " and has " + std::to_string(balance));
    }
  }

  void check_against_history(const PointsBooks& found) {
    const std::size_t last = std::min(acknowledged_ + 1, history_.books.size() - 1);
    if (found == history_.books[acknowledged_] || found == history_.books[last]) return;
    violated("G1: the books are neither those after group " + std::to_string(acknowledged_) +
             " nor those after the next");
  }

  // The clients of one group send the same again, to a daemon that knows none of their tokens.
  void ask_again(domain::Store& store, std::size_t group, bool must_be_known) {
    PointsServices services(history_.elapsed_ms[group]);
    for (PointsRequest request : history_.requests[group]) {
      if (request.kind == Kind::kExpire) continue;
      domain::UnitOfWork& work = store.begin();
      domain::Result<bool> outcome = services.serve(request, work);
      if (!outcome && outcome.error().code == domain::ErrorCode::kTokenInvalid) {
        request.token = services.issue_token(request.user);
        outcome = services.serve(request, work);
      }
      outcome ? store.accept() : store.discard();
      if (must_be_known && !(outcome && *outcome)) {
        violated("G4: " + request.id + " was accepted and is not known again");
      }
    }
  }

  const PointsHistory& history_;
  const std::size_t acknowledged_;
  std::vector<std::string> violations_;
};

}  // namespace

PointsScript play_points_script(const PointsScriptOptions& options) {
  PointsScript script{.start = new_box()};
  Recorder recorder;
  PowerCutFileSystem files(script.start, &recorder, options.lies);
  BoxOffice office(options.seed);
  for (std::size_t i = 0; i < options.stretches; ++i) {
    auto disk = StoreOnDisk::open(files);
    OUTBOXD_CHECK(disk.ok());
    domain::Store& store = (*disk)->store();
    const std::unique_ptr<domain::Store> decorated =
        options.decorate ? options.decorate(store) : nullptr;
    run_points_stretch(decorated ? *decorated : store, options.groups, office, recorder,
                       script.history);
  }
  script.record = recorder.take();
  script.history.complaints = office.complaints();
  script.history.counts = office.counts();
  return script;
}

std::vector<std::string> check_points(const DiskImage& disk, const PointsHistory& history,
                                      std::size_t acknowledged) {
  return PointsChecker(history, acknowledged).run(disk);
}

}  // namespace outboxd::fault
