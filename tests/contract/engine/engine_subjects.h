// The engines that keep the contract, each with a way to be closed and opened again.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "broker/engine.h"

namespace outboxd::broker {

class Subject {
 public:
  virtual ~Subject() = default;
  virtual Engine& engine() = 0;

  // Closes the engine and opens it again with what is durable.
  virtual void reopen() = 0;
};

struct SubjectMaker {
  const char* name;
  std::unique_ptr<Subject> (*make)();
};

std::unique_ptr<Subject> make_memory_subject();
std::unique_ptr<Subject> make_embedded_subject();

inline constexpr std::array<SubjectMaker, 2> kSubjects = {
    {{"Memory", make_memory_subject}, {"Embedded", make_embedded_subject}}};

inline std::string subject_name(const ::testing::TestParamInfo<SubjectMaker>& info) {
  return info.param.name;
}

class EngineContractBase : public ::testing::TestWithParam<SubjectMaker> {
 protected:
  Engine& engine() { return subject_->engine(); }

  // `facts` are durable: they hold now, and when the engine was closed and opened.
  void holds_for_ever(const std::function<void()>& facts) {
    {
      SCOPED_TRACE("before reopening");
      facts();
    }
    subject_->reopen();
    SCOPED_TRACE("after reopening");
    facts();
  }

  void append(const AppendBatch& batch) {
    const domain::Status status = engine().append(batch);
    ASSERT_TRUE(status.ok()) << status.error().message;
  }

  std::unique_ptr<Subject> subject_ = GetParam().make();
};

}  // namespace outboxd::broker
