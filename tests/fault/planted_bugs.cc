#include "tests/fault/planted_bugs.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/fault/passing_store.h"

namespace outboxd::fault {
namespace {

using domain::OutboxEntry;
using domain::SealedGroup;
using domain::Seq;
using domain::Status;
using domain::UnitOfWork;

class AcknowledgesBeforeWrite : public PassingStore {
 public:
  using PassingStore::PassingStore;
  ~AcknowledgesBeforeWrite() override { catch_up(); }

  std::unique_ptr<SealedGroup> seal() override {
    catch_up();
    std::unique_ptr<SealedGroup> group = inner_.seal();
    return group ? std::make_unique<Group>(std::move(group)) : nullptr;
  }

  void retire(std::unique_ptr<SealedGroup> group) override {
    unwritten_ = std::move(static_cast<Group&>(*group).inner);
  }

 private:
  struct Group : SealedGroup {
    explicit Group(std::unique_ptr<SealedGroup> group) : inner(std::move(group)) {}
    std::uint64_t number() const override { return inner->number(); }
    const std::vector<OutboxEntry>& entries() const override { return inner->entries(); }
    Status write() override { return domain::ok_status(); }

    std::unique_ptr<SealedGroup> inner;
  };

  void catch_up() {
    if (!unwritten_) return;
    OUTBOXD_CHECK(unwritten_->write().ok());
    inner_.retire(std::move(unwritten_));
  }

  std::unique_ptr<SealedGroup> unwritten_;
};

class CommitsStateAndEventsApart : public PassingStore {
 public:
  explicit CommitsStateAndEventsApart(domain::Store& inner) : PassingStore(inner), outbox_(*this) {
    next_seq_ = inner_.begin().outbox().append({});
    inner_.discard();
  }

  UnitOfWork& begin() override {
    work_.pass_to(inner_.begin());
    work_.replaced = &outbox_;
    begun_with_ = held_back_.size();
    return work_;
  }

  void discard() override {
    held_back_.resize(begun_with_);
    inner_.discard();
  }

  std::unique_ptr<SealedGroup> seal() override {
    std::unique_ptr<SealedGroup> state = inner_.seal();
    if (held_back_.empty()) return state;
    if (state) {
      OUTBOXD_CHECK(state->write().ok());
      inner_.retire(std::move(state));
    }
    UnitOfWork& events = inner_.begin();
    for (OutboxEntry& entry : held_back_) events.outbox().append(std::move(entry));
    next_seq_ += held_back_.size();
    held_back_.clear();
    inner_.accept();
    return inner_.seal();
  }

 private:
  struct HoldingOutbox : domain::Outbox {
    explicit HoldingOutbox(CommitsStateAndEventsApart& owner) : store(owner) {}
    Seq append(OutboxEntry entry) override {
      store.held_back_.push_back(std::move(entry));
      return store.next_seq_ + store.held_back_.size() - 1;
    }
    void complete_through(Seq seq) override {
      // What is held back does not exist for the store yet.
      if (seq < store.next_seq_) store.work_.inner().outbox().complete_through(seq);
    }
    domain::Result<std::optional<OutboxEntry>> find_pending(Seq seq) override {
      return store.work_.inner().outbox().find_pending(seq);
    }
    void note_complete_above(const std::vector<domain::SeqRange>& ranges) override {
      store.work_.inner().outbox().note_complete_above(ranges);
    }
    Status bury(Seq seq, std::string_view reason, domain::TimestampMs now_ms) override {
      return store.work_.inner().outbox().bury(seq, reason, now_ms);
    }

    CommitsStateAndEventsApart& store;
  };

  struct Work : PassingUnitOfWork {
    domain::Outbox& outbox() override { return *replaced; }
    domain::Outbox* replaced = nullptr;
  };

  HoldingOutbox outbox_;
  Work work_;
  std::vector<OutboxEntry> held_back_;
  std::size_t begun_with_ = 0;
  Seq next_seq_ = 0;
};

class CompletesTooMuch : public PassingStore {
 public:
  using PassingStore::PassingStore;

  UnitOfWork& begin() override {
    work_.pass_to(inner_.begin());
    return work_;
  }

  void accept() override {
    accepted_ = work_.generous.last;
    inner_.accept();
  }

  void discard() override {
    work_.generous.last = accepted_;
    inner_.discard();
  }

 private:
  struct GenerousOutbox : domain::Outbox {
    Seq append(OutboxEntry entry) override { return last = inner->append(std::move(entry)); }
    void complete_through(Seq seq) override { inner->complete_through(std::max(seq, last)); }
    domain::Result<std::optional<OutboxEntry>> find_pending(Seq seq) override {
      return inner->find_pending(seq);
    }
    void note_complete_above(const std::vector<domain::SeqRange>& ranges) override {
      inner->note_complete_above(ranges);
    }
    Status bury(Seq seq, std::string_view reason, domain::TimestampMs now_ms) override {
      return inner->bury(seq, reason, now_ms);
    }

    domain::Outbox* inner = nullptr;
    Seq last = 0;
  };

  struct Work : PassingUnitOfWork {
    domain::Outbox& outbox() override {
      generous.inner = &inner().outbox();
      return generous;
    }
    GenerousOutbox generous;
  };

  Work work_;
  Seq accepted_ = 0;
};

class AcceptsWhatWasDiscarded : public PassingStore {
 public:
  using PassingStore::PassingStore;
  void discard() override { inner_.accept(); }
};

class ForgetsRequests : public PassingStore {
 public:
  using PassingStore::PassingStore;

  UnitOfWork& begin() override {
    work_.pass_to(inner_.begin());
    return work_;
  }

 private:
  struct NoRequests : domain::RequestLog {
    domain::Result<std::optional<domain::RequestRecord>> find(const domain::RequestId&) override {
      return std::optional<domain::RequestRecord>();
    }
    void put(const domain::RequestId&, const domain::RequestRecord&) override {}
  };

  struct Work : PassingUnitOfWork {
    domain::RequestLog& requests() override { return none; }
    NoRequests none;
  };

  Work work_;
};

class ForgetsMarks : public PassingStore {
 public:
  using PassingStore::PassingStore;

  UnitOfWork& begin() override {
    work_.pass_to(inner_.begin());
    return work_;
  }

 private:
  struct NoMarks : domain::InboxMarks {
    domain::Result<bool> contains(const domain::InboxKey&) override { return false; }
    void put(const domain::InboxKey&, std::int64_t) override {}
    void remove(const domain::InboxKey&) override {}
  };

  struct Work : PassingUnitOfWork {
    domain::InboxMarks& inbox() override { return none; }
    NoMarks none;
  };

  Work work_;
};

}  // namespace

std::unique_ptr<domain::Store> acknowledge_before_write(domain::Store& store) {
  return std::make_unique<AcknowledgesBeforeWrite>(store);
}

std::unique_ptr<domain::Store> commit_state_and_events_apart(domain::Store& store) {
  return std::make_unique<CommitsStateAndEventsApart>(store);
}

std::unique_ptr<domain::Store> complete_too_much(domain::Store& store) {
  return std::make_unique<CompletesTooMuch>(store);
}

std::unique_ptr<domain::Store> accept_what_was_discarded(domain::Store& store) {
  return std::make_unique<AcceptsWhatWasDiscarded>(store);
}

std::unique_ptr<domain::Store> forget_marks(domain::Store& store) {
  return std::make_unique<ForgetsMarks>(store);
}

std::unique_ptr<domain::Store> forget_requests(domain::Store& store) {
  return std::make_unique<ForgetsRequests>(store);
}

}  // namespace outboxd::fault
