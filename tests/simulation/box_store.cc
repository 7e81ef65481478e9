#include "tests/simulation/box_store.h"

#include <cstdlib>

#include "storage/chain.h"

namespace outboxd::simulation {

// Knows marks; effects write through the store.
class BoxStore::Work final : public domain::UnitOfWork, private domain::InboxMarks {
 public:
  explicit Work(BoxStore& store) : store_(store) {}

  domain::OrderRepository& orders() override { std::abort(); }
  domain::ApplicationState& application_state() override { std::abort(); }
  domain::RequestLog& requests() override { std::abort(); }
  domain::Outbox& outbox() override { std::abort(); }
  domain::InboxMarks& inbox() override { return *this; }
  std::uint64_t revision() override { std::abort(); }
  [[nodiscard]] std::uint64_t depends_on() const override { std::abort(); }

 private:
  domain::Result<bool> contains(const domain::InboxKey& key) override {
    return store_.live_.marks.contains(key);
  }
  void put(const domain::InboxKey& key, std::int64_t /*elapsed_ms*/) override {
    if (store_.forgets_marks) return;
    store_.write([key](BoxState& state) { state.marks.insert(key); });
  }
  void remove(const domain::InboxKey& key) override {
    store_.write([key](BoxState& state) { state.marks.erase(key); });
  }

  BoxStore& store_;
};

void BoxStore::write(const Write& change, std::function<void()> when_durable) {
  change(live_);
  building_.changes.push_back(change);
  if (when_durable) building_.told.push_back(std::move(when_durable));
}

void BoxStore::append(StoredEntry entry) {
  write([entry = std::move(entry)](BoxState& state) {
    state.chain = storage::chain_after(state.chain, state.next_seq, entry.envelope);
    state.chains[state.next_seq] = state.chain;
    state.outbox[state.next_seq++] = entry;
  });
}

void BoxStore::apply(const Effect& effect, WhenDurable when_durable) {
  Work work(*this);
  const domain::Status status = effect(work);
  if (tells_early || is_idle()) return when_durable(status);
  building_.told.push_back([told = std::move(when_durable), status] { told(status); });
}

void BoxStore::look(const std::function<void(domain::UnitOfWork&)>& read) {
  Work work(*this);
  read(work);
}

void BoxStore::seal() {
  if (writing_ || building_.empty()) return;
  writing_ = std::exchange(building_, {});
}

bool BoxStore::sync() {
  if (!writing_) return false;
  const Group group = std::move(*std::exchange(writing_, std::nullopt));
  make_durable(group);
  for (const auto& told : group.told) told();
  return true;
}

void BoxStore::crash(bool arrived) {
  if (writing_ && arrived) make_durable(*writing_);
  writing_.reset();
  building_ = {};
  live_ = durable_;
}

void BoxStore::make_durable(const Group& group) {
  for (const Write& change : group.changes) change(durable_);
}

}  // namespace outboxd::simulation
