// What a mutation adds to the entity in its result (API.md, "Methods").
#pragma once

#include <cstddef>

#include "domain/ids.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

struct MutationFields {
  bool replayed = false;
  domain::Seq seq = 0;  // 0: nil

  static constexpr std::size_t kCount = 2;
};

inline void write_fields(transport::Writer& writer, const MutationFields& mutation) {
  writer.field("replayed", mutation.replayed).key("seq");
  mutation.seq == 0 ? writer.nil() : writer.unsigned_integer(mutation.seq);
}

}  // namespace outboxd::daemon
