#include "transport/link/admission.h"

#include "domain/ids.h"
#include "transport/limits.h"
#include "transport/link/frames.h"
#include "transport/link/group_name.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::transport {

std::optional<Refused> EnvelopeAdmission::refuse(std::string_view envelope,
                                                 std::string_view& topic) {
  if (envelope.size() > kMaxEnvelopeBytes) {
    return Refused{reject_code::kTooLarge,
                   "an event may have " + std::to_string(kMaxEnvelopeBytes) +
                       " bytes, this one has " + std::to_string(envelope.size())};
  }
  const auto decoded = decode_envelope(envelope, document_);
  if (!decoded) {
    const bool topic_is_wrong = decoded.error().argument == "topic";
    return Refused{topic_is_wrong ? reject_code::kInvalidTopic : reject_code::kUndecodable,
                   decoded.error().message};
  }
  if (decoded->topic.starts_with(kDeadTopicPrefix)) {
    return Refused{reject_code::kForbiddenTopic,
                   "topics that begin with \"dead:\" are the broker's own: what it puts there are "
                   "dead letters"};
  }
  if (allowed_ && !allowed_(decoded->topic)) {
    return Refused{reject_code::kForbiddenTopic,
                   "this broker does not take the topic \"" + std::string(decoded->topic) + "\""};
  }
  topic = decoded->topic;
  return std::nullopt;
}

}  // namespace outboxd::transport
