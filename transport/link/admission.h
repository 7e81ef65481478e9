// Whether the broker takes an event: the only reasons for which one is refused for ever.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "transport/msgpack/value.h"

namespace outboxd::transport {

struct Refused {
  std::string_view code;  // a constant of reject_code
  std::string message;
};

// Port to the broker's rules. Called on the thread of the broker's sessions, for every event.
class Admission {
 public:
  virtual ~Admission() = default;

  // Nothing when the event may be stored; `topic` is then set to a view into `envelope`. A refusal
  // must hold for ever: the producer moves the event to its dead letters.
  virtual std::optional<Refused> refuse(std::string_view envelope, std::string_view& topic) = 0;
};

// Takes every event that decodes, whose topic is an identifier and is allowed, and that is no
// larger than transport/limits.h says.
class EnvelopeAdmission final : public Admission {
 public:
  // `allowed` decides by topic; without it every valid topic is.
  explicit EnvelopeAdmission(std::function<bool(std::string_view topic)> allowed = nullptr)
      : allowed_(std::move(allowed)) {}

  std::optional<Refused> refuse(std::string_view envelope, std::string_view& topic) override;

 private:
  std::function<bool(std::string_view)> allowed_;
  Document document_;
};

}  // namespace outboxd::transport
