// An order as MessagePack: the data of its events, and the result of its methods (API.md,
// "Entities").
#pragma once

#include "domain/order_snapshot.h"
#include "transport/msgpack/writer.h"

namespace outboxd::daemon {

// What a mutation adds to the entity.
struct MutationFields {
  bool replayed = false;
  domain::Seq seq = 0;  // 0: nil
};

// Writes the order as a map, with the fields of `mutation` where it is given. `payment_id` and
// `failure` are there only when they have a value.
void write_order(transport::Writer& writer, const domain::OrderSnapshot& order,
                 const MutationFields* mutation = nullptr);

}  // namespace outboxd::daemon
