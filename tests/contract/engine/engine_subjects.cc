#include "tests/contract/engine/engine_subjects.h"

#include <utility>

#include "broker/embedded/embedded_engine.h"
#include "tests/contract/engine/memory_engine.h"
#include "tests/support/temporary_directory.h"

namespace outboxd::broker {
namespace {

class MemorySubject final : public Subject {
 public:
  Engine& engine() override { return *engine_; }
  void reopen() override { engine_ = std::make_unique<MemoryEngine>(engine_->contents()); }

 private:
  std::unique_ptr<MemoryEngine> engine_ = std::make_unique<MemoryEngine>();
};

class EmbeddedSubject final : public Subject {
 public:
  EmbeddedSubject() { reopen(); }
  Engine& engine() override { return *engine_; }
  void reopen() override {
    engine_.reset();
    auto opened = EmbeddedEngine::open({.directory = directory_.path() + "/data"});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    engine_ = std::move(opened).value();
  }

 private:
  const support::TemporaryDirectory directory_;
  std::unique_ptr<EmbeddedEngine> engine_;
};

}  // namespace

std::unique_ptr<Subject> make_memory_subject() {
  return std::make_unique<MemorySubject>();
}

std::unique_ptr<Subject> make_embedded_subject() {
  return std::make_unique<EmbeddedSubject>();
}

}  // namespace outboxd::broker
